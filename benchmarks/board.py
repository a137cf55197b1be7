"""The board in a real browser over meshes of 683 and 8,339 products: bytes that are sent, and how soon something can be seen and used.

    python benchmarks/board.py [PRODUCTS DOMAINS]

Bars: data of the first page at most 30 KB at 683 products and 160 KB at 8,339, compressed; scripts at most 60 KB; usable half a second after its data; the mesh
drawn within half a second, 95 of 100 frames within 25 ms; a change shown within five seconds. Times are of this machine, with software rendering.
"""

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "functions")]

from playwright.sync_api import Browser  # noqa: E402

import runtime  # noqa: E402
from headgate.board.api import Board  # noqa: E402
from tests.board_world import NOW, InProcess, large, serving  # noqa: E402
from tests.browser import started  # noqa: E402
from tests.state_server import of_a_benchmark  # noqa: E402
from tests.state_steps import LOADED  # noqa: E402
from tests.state_steps import opened as open_runs  # noqa: E402
from tests.state_world import World, new_world  # noqa: E402

SIZES = ((683, 42), (8_339, 768))
SECONDS = 3  # of frames
OTHER = "2026-11-25"  # a date that nothing has been opened for
MOST = 300_000  # milliseconds, of a wait: a busy machine is slow, and what it took is printed
# Notes when something can first be seen, and when a canvas is first drawn on.
WATCH = """
  const seen = new MutationObserver(() => {
    if (document.querySelector("main .count")) { seen.disconnect(); requestAnimationFrame(() => setTimeout(() => { window.usable = performance.now(); })); }
  });
  seen.observe(document, { childList: true, subtree: true });
  const fill = CanvasRenderingContext2D.prototype.fillRect;
  CanvasRenderingContext2D.prototype.fillRect = function (...given) { window.drawn ??= performance.now(); return fill.apply(this, given); };
"""
ANSWERED = "(name) => performance.getEntriesByType('resource').some((each) => each.name.includes(`/api/${name}`) && each.responseEnd)"
# The largest answer of each address: what is asked again is answered with what has changed.
SENT = """() => performance.getEntriesByType("resource").reduce((found, { name, encodedBodySize }) => {
  const address = name.split("?")[0];
  return { ...found, [address]: Math.max(found[address] ?? 0, encodedBodySize) };
}, {})"""
FRAMES = """(seconds) => new Promise((done) => {
  const frames = [];
  const began = performance.now();
  let last = began;
  const canvas = document.querySelector("canvas");
  const frame = (now) => {
    frames.push(now - last);
    last = now;
    scrollTo(0, (now - began) / 2 % 600);
    if (frames.length % 6 === 0) canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", cancelable: true }));
    if (now - began < seconds * 1000) requestAnimationFrame(frame); else done(frames.slice(1));
  };
  requestAnimationFrame(frame);
})"""


def measured(browser: Browser, world: World, count: int) -> dict[str, Any]:
    with (
        serving(Board([InProcess("local")])) as address,
        browser.new_context(viewport={"width": 1280, "height": 860}, bypass_csp=True) as context,
    ):
        page = context.new_page()
        page.add_init_script(WATCH)
        page.goto(address)
        page.wait_for_function("window.usable", timeout=MOST)
        page.wait_for_function(ANSWERED, arg="forecast", timeout=MOST)
        first = page.evaluate(SENT)
        data = page.evaluate(
            "performance.getEntriesByType('resource').find((each) => each.name.includes('/api/status')).responseEnd"
        )
        usable = page.evaluate("window.usable") - data
        began = page.evaluate("location.hash = '#/mesh', performance.now()")
        page.wait_for_function("window.drawn", timeout=MOST)
        drawn = page.evaluate("window.drawn") - began
        page.wait_for_function(ANSWERED, arg="mesh", timeout=MOST)
        frames = page.evaluate(FRAMES, SECONDS)
        page.evaluate("location.hash = '#/today'")
        page.wait_for_selector(".count")
        changed = time.perf_counter()
        world.state.set_hold("domain-001/p0001", None, "", True, "ann", NOW)
        page.wait_for_selector("button.count:has-text('1 Held')", timeout=MOST)
        shown = time.perf_counter() - changed
        turned = time.perf_counter()
        page.evaluate("(date) => { location.hash = `#/today?date=${date}`; }", OTHER)
        page.wait_for_function(
            "(date) => performance.getEntriesByType('resource').some(({ name }) => name.includes('/api/status') && name.includes(date))",
            arg=OTHER,
            timeout=MOST,
        )
        page.wait_for_selector(
            "button.count:has-text('Not on this date'), button.count:has-text('Still to come')", timeout=MOST
        )
        unopened = time.perf_counter() - turned
    named = {url.rsplit("/", 1)[-1]: size for url, size in first.items() if "/api/" in url}
    return {
        "products": count, "data of the first page, bytes": sum(named.values()), "of it": named,
        "scripts, bytes": sum(size for url, size in first.items() if url.endswith(".js")),
        "usable after its data, ms": round(usable), "mesh drawn after, ms": round(drawn), "frames, p95 ms": round(statistics.quantiles(frames, n=20)[-1], 1),
        "a change shown after, s": round(shown, 1), "a date without runs shown after, s": round(unopened, 1),
    }  # fmt: skip


def main() -> None:
    sizes = [(int(sys.argv[1]), int(sys.argv[2]))] if len(sys.argv) > 2 else SIZES
    runtime.now = lambda: NOW
    with of_a_benchmark() as server, started() as browser:
        for products, domains in sizes:
            with new_world(server) as world:
                world.load(large(products, domains), LOADED)
                open_runs(world)
                world.sql("ANALYZE")
                runtime.state = lambda world=world: world.state  # type: ignore[assignment]
                print(json.dumps(measured(browser, world, products), indent=2))


if __name__ == "__main__":
    main()
