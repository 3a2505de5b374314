/** The states that a run has been in, as the event log has them. */

import { useState } from "preact/hooks";
import { post } from "../api.js";
import { duration } from "../format.js";
import { html } from "../html.js";
import { href } from "../router.js";
import { useResource } from "../resource.js";
import { Empty, Loaded, StateBadge, Time } from "./elements.js";
import { Json } from "./json.js";

/** @param {{kind: string, run: any}} props */
export function History({ kind, run }) {
  const resource = `prefect.${kind}.${run.id}`;
  const events = useResource(async () => {
    const filter = { resource: { id: [resource] }, event: { prefix: [`prefect.${kind}.`] }, order: "ASC", occurred: { since: "1970-01-01T00:00:00Z" } };
    return (await post("/events/filter", { filter, limit: 50 })).events;
  }, [resource, run.state_id]);
  return html`<${Loaded} of=${events}>${(found) =>
    found.length
      ? html`<ol class="history">${found.map((event, at) => html`<${Step} key=${event.id} event=${event} next=${found[at + 1]} />`)}</ol>
          <p class="note"><a href=${href(`/events?resource=${encodeURIComponent(resource)}`)}>All events about this run</a></p>`
      : html`<${Empty} title="No state of this run was recorded." />`}
  <//>`;
}

/** @param {{event: any, next: any}} props */
function Step({ event, next }) {
  const [isOpen, setOpen] = useState(false);
  const { type, name, message } = event.payload.validated_state ?? {};
  const lasted = next && (Date.parse(next.occurred) - Date.parse(event.occurred)) / 1000;
  return html`<li>
    <div class="line">
      <${StateBadge} type=${type} name=${name} /><span class="grow">${message ?? ""}</span>
      ${next && html`<span class="muted num">for ${duration(lasted)}</span>`}<${Time} at=${event.occurred} />
      <button class="button" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>Event</button>
    </div>
    ${isOpen && html`<${Json} value=${event} />`}
  </li>`;
}
