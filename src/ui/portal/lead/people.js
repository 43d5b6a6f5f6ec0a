/** Leads' view of people: names, pseudonyms and invitations. */
/** @import {Api} from "../api.js" */
/** @import {PersonRow} from "../types.js" */
import { h } from "../../lib/dom.js";
import { dayAndTime } from "../format.js";
import { ask, newId, table } from "../parts.js";
import { t } from "../texts.js";

/**
 * @param {Pick<Api, "call" | "now">} api
 * @param {PersonRow[]} people
 * @param {() => Promise<unknown>} reload the view
 * @returns {import("../parts.js").View}
 */
export function peopleView(api, people, reload) {
  const said = h("p.said", { role: "status", "data-key": "said" });
  const invite = () => {
    const id = newId();
    const email = h("input", { id, type: "email", required: true, autocomplete: "off", maxLength: 254 });
    const lead = h("input", { type: "checkbox" });
    ask(
      t.inviteTitle,
      t.invite,
      () => api.call("POST", "lead/people", { email: email.value.trim(), lead: lead.checked }),
      () => {
        said.textContent = t.invited(email.value.trim());
        return reload();
      },
      h("p.field", {}, h("label", { for: id }, t.email), email),
      h("p", {}, h("label.check", {}, lead, h("span", {}, t.asLead))),
    );
  };
  const rows = people.map(({ id, name, email, lead, signedIn }) => [
    name || email,
    email,
    lead ? t.roles.lead : t.roles.worker,
    signedIn ? dayAndTime(signedIn) : t.neverSignedIn,
    h("code", {}, id),
  ]);
  return {
    title: t.people,
    root: h(
      "div.wide",
      {},
      h(
        "div.head",
        {},
        h("h1", { tabindex: -1 }, t.people),
        h("button.primary", { type: "button", "data-key": "invite", onclick: invite }, t.invite),
      ),
      h("p.soft", {}, t.peopleText),
      said,
      rows.length
        ? h("section.card", {}, table(t.people, Object.values(t.personColumns), rows))
        : h("p.soft", {}, t.noPeople),
    ),
  };
}
