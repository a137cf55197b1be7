// An answer that a page needs, asked again while it is shown.
import { useEffect, useRef, useState } from "preact/hooks";
import { signal } from "@preact/signals";
import { hosted, question } from "./api.js";

export const about = signal(null); // what this board can do and for whom: asked once
export async function lookAtAbout() {
  if (!about.value) about.value = await question("about").then(({ answer }) => answer, () => null);
}

export const acted = signal(0); // how many actions have been performed: after each of them what is shown is asked again

// {answer, error}: `answer` is the latest one. Asked anew when `about` changes, and every `every` milliseconds while the page is visible; by a hosted board
// only if it is answered from `snapshots`. Nothing is asked while `about` is null.
export function useAnswer(name, about, every = 0, snapshots = false) {
  const [state, setState] = useState({ answer: null, error: null });
  const wanted = JSON.stringify([name, about]);
  const before = useRef(wanted);
  useEffect(() => {
    let ended = false;
    let timer, tag;
    if (before.current !== wanted) setState({ answer: null, error: null });
    before.current = wanted;
    const look = async () => {
      try {
        const found = await question(name, about, tag);
        if (ended) return;
        tag = found.tag;
        setState((before) => ({ answer: found.answer ?? before.answer, error: null }));
      } catch (error) {
        if (!ended) setState((before) => ({ answer: before.answer, error }));
      }
      if (every && (snapshots || !hosted()) && !ended) timer = setTimeout(document.hidden ? wait : look, every);
    };
    const wait = () => {
      timer = setTimeout(document.hidden ? wait : look, every);
    };
    if (about) look();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [wanted, acted.value]);
  return state;
}
