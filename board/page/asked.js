// An answer that a page needs, asked again while it is shown.
import { useEffect, useState } from "preact/hooks";
import { question } from "./api.js";

// {answer, error}: `answer` is the latest one. Asked anew when `about` changes, and every `every` milliseconds while the page is visible.
export function useAnswer(name, about, every = 0) {
  const [state, setState] = useState({ answer: null, error: null });
  const wanted = JSON.stringify([name, about]);
  useEffect(() => {
    let ended = false;
    let timer, tag;
    setState({ answer: null, error: null });
    const look = async () => {
      try {
        const found = await question(name, about, tag);
        if (ended) return;
        tag = found.tag;
        setState((before) => ({ answer: found.answer ?? before.answer, error: null }));
      } catch (error) {
        if (!ended) setState((before) => ({ answer: before.answer, error }));
      }
      if (every && !ended) timer = setTimeout(document.hidden ? wait : look, every);
    };
    const wait = () => {
      timer = setTimeout(document.hidden ? wait : look, every);
    };
    look();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [wanted]);
  return state;
}
