/** An address that leads nowhere. */

import { Empty, useTitle } from "../components/elements.js";
import { html } from "../html.js";
import { href, path } from "../router.js";

export default function NotFound() {
  useTitle("Not found");
  return html`<div class="card"><${Empty} title="There is no page here."><p><code>${path.value}</code></p><p><a href=${href("/")}>To the overview</a></p><//></div>`;
}
