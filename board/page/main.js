// The page: a bar with where one can go, and the page that the address names.
import { render } from "preact";
import { useEffect, useErrorBoundary, useState } from "preact/hooks";
import "@preact/signals";
import { signIn } from "./api.js";
import { Bar } from "./bar.js";
import { changed, day, failure, keepLooking } from "./day.js";
import { keepFocus } from "./focus.js";
import { Overview } from "./hosted.js";
import { html } from "./html.js";
import { arrive, keepPlace } from "./place.js";
import { follow, link, placeOf, route } from "./routes.js";
import { keepPage } from "./snapshot.js";
import { Failure, Loading, Said } from "./parts.js";
import { Today } from "./pages/today.js";
import { Product } from "./pages/product.js";
import { Run } from "./pages/run.js";
import { at, lasting } from "./times.js";

// A page that not everybody opens is loaded when they do.
const later = (load, name) =>
  function Later() {
    const [Loaded, setLoaded] = useState(null);
    useEffect(() => {
      load().then((page) => setLoaded(() => page[name]), () => setLoaded(() => Unloaded));
    }, []);
    return Loaded ? html`<${Loaded} />` : html`<${Loading} />`;
  };

function Unloaded() {
  return html`<h1>Headgate</h1><${Failure} title="This page could not be loaded." error=${{ message: "It has not been opened in this browser before, and the server of the board does not answer." }} />`;
}

const operators = () => import("./pages/operators.js");
const [Alerts, Changes, Files] = ["Alerts", "Changes", "Files"].map((name) => later(operators, name));
const Catalog = later(() => import("./pages/catalog.js"), "Catalog");
const Day = later(() => import("./pages/day.js"), "Day");
const Edit = later(() => import("./pages/edit.js"), "Edit");
const Mesh = later(() => import("./pages/mesh.js"), "Mesh");
const Health = later(() => import("./pages/health.js"), "Health");
const Shadow = later(() => import("./pages/shadow.js"), "Shadow");

const PAGES = { today: Today, product: Product, run: Run, day: Day, mesh: Mesh, files: Files, alerts: Alerts, changes: Changes, health: Health, catalog: Catalog, edit: Edit, shadow: Shadow };

const OF_THE_DAY = ["today", "day", "mesh", "catalog"]; // pages that show every product

function Page() {
  const { page } = route.value;
  const Shown = failure.value && !day.value ? Refused : day.value?.overview && OF_THE_DAY.includes(page) ? Overview : (PAGES[page] ?? Today);
  const place = placeOf(route.value);
  useEffect(() => arrive(place), [route.value]);
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <${Bar} />
    ${failure.value && day.value && html`<${Stale} />`}
    ${day.value?.shadow && html`<aside class="shadow" aria-label="Shadow">${day.value.shadow.map((each) => html`<${InShadow} key=${each.application} ...${each} />`)}</aside>`}
    <main id="main" tabindex="-1"><${Drawn} key=${place}><${Shown} /></${Drawn}></main>
    <p class="hidden" aria-live="polite">${changed.value}</p>`;
}

// A page that cannot be drawn says so, and every other one can be.
function Drawn({ children }) {
  const [error] = useErrorBoundary((found) => console.error(found));
  return error ? html`<h1>Headgate</h1><${Failure} error=${{ message: `This page could not be drawn: ${error.message}` }} />` : children;
}

function skip(event) {
  event.preventDefault();
  document.querySelector("main").focus();
}

function Stale() {
  const known = day.value;
  return html`<div class="stale" role="status">This is how it was at ${at(known.asked_at, known.business_date)}. <${Said} text=${failure.value.message} /> That was ${lasting(known.asked_at, Date.now())} ago.</div>`;
}

// Nothing is known yet, and the server refuses or does not answer.
function Refused() {
  return html`<h1>Headgate</h1><${Failure} error=${failure.value} />`;
}

// An application that decides and starts nothing says so on every page; of several with its name.
function InShadow({ application, since }) {
  return html`<p><strong>${application ? `${application} is in shadow` : "In shadow"} since ${at(since, "")}: nothing is started.</strong> Another scheduler runs the products, and its runs are recorded here. <a href=${link("shadow", { date: route.value.about.date })}>What would have run, and what did</a></p>`;
}

await signIn();
keepPlace();
follow();
keepPage();
keepFocus();
keepLooking();
const root = document.querySelector("#board");
root.replaceChildren();
render(html`<${Page} />`, root);
