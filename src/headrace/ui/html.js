/** `html`: markup as tagged templates. What is put into it is text, never markup. */

import htm from "htm";
import { h } from "preact";

export const html = /** @type {(text: TemplateStringsArray, ...values: any[]) => any} */ (htm.bind(h));
