/**
 * Stands in for Ground Truth's Crowd HTML Elements on the portal's task pages: <crowd-form> and <crowd-button>.
 * An answer is what Ground Truth collects: the value of every named element in the form's light DOM.
 */
"use strict";

(() => {
  const SUBMIT = 'crowd-button[form-action="submit"]';

  /** What one element adds to the answer: native inputs text, crowd elements their own value. */
  const valueOf = (element) => {
    if (element instanceof HTMLInputElement && ["checkbox", "radio"].includes(element.type)) {
      return element.checked ? element.value : undefined;
    }
    return element._submittableValue ?? element.value;
  };

  class CrowdForm extends HTMLElement {
    connectedCallback() {
      // Children may still be on their way: scripts in the head run before the body is read.
      if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => this.prepare(), { once: true });
      else this.prepare();
    }

    prepare() {
      if (!this.querySelector(SUBMIT)) {
        const button = document.createElement("crowd-button");
        button.setAttribute("form-action", "submit");
        button.textContent = "Submit";
        this.append(button);
      }
      this.addEventListener("click", (event) => {
        if (event.target instanceof Element && event.target.closest(SUBMIT)) this.requestSubmit();
      });
    }

    /** Like a form's: `submit` listeners may fill in fields, or stop it. */
    requestSubmit() {
      if (this.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }))) this.submit();
    }

    async submit() {
      if (this.sending) return;
      this.sending = true;
      this.tell("Saving…");
      const content = {};
      for (const element of this.querySelectorAll("[name]")) {
        const value = valueOf(element);
        if (value !== undefined) content[element.getAttribute("name")] = value;
      }
      const started = Math.round(performance.timeOrigin);
      try {
        const response = await fetch(`${location.pathname}/answer?started=${started}`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(content),
        });
        const answer = await response.json();
        if (response.ok) {
          // `sending` stays: the page is about to go, and a second click must do nothing.
          window.top.location.assign(answer.next);
          return;
        }
        this.tell(answer.problem, response.status === 409 ? "Next image" : "Try again", () => {
          if (response.status === 409) window.top.location.assign("/task");
          else this.submit();
        });
      } catch {
        this.tell("The portal did not answer. Your work is still on this page.", "Try again", () => this.submit());
      }
      this.sending = false;
    }

    /** A line at the foot of the page, apart from whatever styles the template has. */
    tell(text, action, run) {
      if (!this.notice) {
        const host = document.body.appendChild(document.createElement("div"));
        this.notice = host.attachShadow({ mode: "closed" });
      }
      const line = document.createElement("div");
      line.setAttribute("role", "alert");
      line.style.cssText =
        "position:fixed;inset:auto 1rem 1rem;z-index:2147483647;display:flex;gap:1rem;align-items:center;max-width:34rem;" +
        "margin:auto;padding:.75rem 1rem;border-radius:10px;background:#1b2326;color:#fff;font:15px/1.4 system-ui,sans-serif;" +
        "box-shadow:0 4px 24px #0006";
      line.append(text);
      if (action) {
        const button = document.createElement("button");
        button.textContent = action;
        button.style.cssText = "margin-left:auto;padding:.4rem .9rem;border:0;border-radius:8px;font:inherit;cursor:pointer";
        button.addEventListener("click", run);
        line.append(button);
      }
      this.notice.replaceChildren(line);
    }
  }

  class CrowdButton extends HTMLElement {
    connectedCallback() {
      this.setAttribute("role", "button");
      this.tabIndex = 0;
      if (this.style.display !== "none") {
        this.style.cssText += ";display:inline-block;padding:.6rem 1.2rem;border-radius:8px;background:#17686c;color:#fff;cursor:pointer";
      }
      this.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") this.click();
      });
    }
  }

  /** The next task's image comes while the worker is busy with this one; without it that page is only slower. */
  const preload = async () => {
    const response = await fetch("/next-image", { priority: "low" });
    const { image } = await response.json();
    if (image) Object.assign(new Image(), { fetchPriority: "low", src: image });
  };
  // `load` waits for the present image, an idle moment for its being drawn.
  addEventListener("load", () => requestIdleCallback(() => preload().catch(() => {})));

  // The page is the task's: no margin around it, and the reader's own choice of light or dark.
  const style = document.createElement("style");
  style.textContent = ":root { color-scheme: light dark } body { margin: 0 }";
  document.head.prepend(style);

  customElements.define("crowd-form", CrowdForm);
  customElements.define("crowd-button", CrowdButton);
  document.addEventListener("DOMContentLoaded", () => document.dispatchEvent(new Event("all-crowd-elements-ready")));
})();
