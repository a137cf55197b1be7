// Templates: what the page is drawn with.
import { h } from "preact";
import htm from "htm";

export const html = htm.bind(h);
