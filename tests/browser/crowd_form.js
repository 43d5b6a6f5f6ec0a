/*
 * A test double for AWS's Crowd HTML Elements. It behaves as tests/recorded/crowd-form/README.md says: upgraded after the page
 * was parsed, children moved into an inner form, a submit button of its own, and no members but the documented ones.
 *
 * Options are attributes of <crowd-form>: `silent` fires no submit event. The page's own settings: `crowdWaits` (the
 * upgrade waits for a call of `crowdUpgrade()`) and `crowdSend` (a function that takes the answer; by default it goes to the list `sent`).
 */
(() => {
  const SUBMIT = 'crowd-button[form-action="submit"]';

  class CrowdForm extends HTMLElement {
    #prepared = false;

    connectedCallback() {
      if (this.#prepared) return;
      this.#prepared = true;
      const form = document.createElement("form");
      form.setAttribute("method", "");
      form.setAttribute("action", "");
      form.append(...this.childNodes);
      if (!form.querySelector(SUBMIT)) {
        const button = document.createElement("crowd-button");
        button.setAttribute("form-action", "submit");
        button.setAttribute("variant", "primary");
        button.dataset.testid = "crowd-submit";
        button.textContent = "Submit";
        form.append(button);
      }
      this.append(form);
    }

    submit() {
      if (!this.hasAttribute("silent") && !this.dispatchEvent(new Event("submit", { cancelable: true, bubbles: true })))
        return;
      const content = {};
      for (const field of this.querySelectorAll("[name]")) {
        const isOff = ["checkbox", "radio"].includes(field.type) && !field.checked;
        if (field.value !== undefined && !isOff) content[field.getAttribute("name")] = field.value;
      }
      if (window.crowdSend) window.crowdSend(content);
      else (window.sent ??= []).push(content);
    }

    reset() {
      this.querySelector("form").reset();
    }
  }

  class CrowdButton extends HTMLElement {
    connectedCallback() {
      if (this.shadowRoot) return;
      const button = document.createElement("button");
      button.append(document.createElement("slot"));
      this.attachShadow({ mode: "open" }).append(button);
      this.addEventListener("click", () => {
        const action = this.getAttribute("form-action");
        if (action === "submit" || action === "reset") this.closest("crowd-form")?.[action]();
      });
    }
  }

  const upgrade = () => {
    customElements.define("crowd-button", CrowdButton);
    customElements.define("crowd-form", CrowdForm);
    document.dispatchEvent(new Event("all-crowd-elements-ready"));
  };
  const later = () => {
    if (window.crowdWaits) window.crowdUpgrade = upgrade;
    else setTimeout(upgrade, 30);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", later);
  else later();
})();
