/**
 * Replace Ground Truth's Crowd HTML Elements on the portal's task pages: <crowd-form> and <crowd-button>.
 *
 * They behave as the real ones do (tests/recorded/crowd-form/README.md): they are upgraded after the page was parsed, the form
 * moves its children into an inner form and adds a submit button, and the answer is the value of every named element in its
 * light DOM. The form adds two events that bubble to the document: "answer-accepted" and "answer-failed".
 */
"use strict";

(() => {
  const SUBMIT = 'crowd-button[form-action="submit"]';

  /** Return what one element adds to the answer: native inputs text, crowd elements their own value. */
  const valueOf = (element) => {
    if (element instanceof HTMLInputElement && ["checkbox", "radio"].includes(element.type)) {
      return element.checked ? element.value : undefined;
    }
    return element._submittableValue ?? element.value;
  };

  class CrowdForm extends HTMLElement {
    #prepared = false;
    #sending = false;
    #notice;

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
      // The form has no address: a native submission would open this page with the answer in its URL.
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        event.stopPropagation();
        this.submit();
      });
      this.append(form);
    }

    reset() {
      this.querySelector("form").reset();
    }

    /** Submit the form: `submit` listeners may fill in fields, or stop it. */
    submit() {
      if (!this.#sending && this.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }))) this.#send();
    }

    async #send() {
      this.#sending = true;
      this.#tell("Saving…");
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
          // `#sending` stays: the page is about to go, and a second click must do nothing.
          this.#announce("answer-accepted");
          window.top.location.assign(answer.next);
          return;
        }
        const isTaken = response.status === 409;
        this.#tell(answer.problem, isTaken ? "Next image" : "Try again", () => {
          if (isTaken) {
            // The image is somebody else's now, or done: the work on it has no use any more.
            this.#announce("answer-accepted");
            window.top.location.assign("/task");
          } else this.submit();
        });
      } catch {
        this.#tell("The portal did not answer. Your work is still on this page.", "Try again", () => this.submit());
      }
      this.#sending = false;
      this.#announce("answer-failed");
    }

    #announce(name) {
      this.dispatchEvent(new Event(name, { bubbles: true }));
    }

    /** Show a line at the foot of the page, apart from whatever styles the template has. */
    #tell(text, action, run) {
      if (!this.#notice) {
        const host = document.body.appendChild(document.createElement("div"));
        this.#notice = host.attachShadow({ mode: "closed" });
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
        button.style.cssText =
          "margin-left:auto;padding:.4rem .9rem;border:0;border-radius:8px;font:inherit;cursor:pointer";
        button.addEventListener("click", run);
        line.append(button);
      }
      this.#notice.replaceChildren(line);
    }
  }

  class CrowdButton extends HTMLElement {
    connectedCallback() {
      if (this.hasAttribute("role")) return; // it was moved
      this.setAttribute("role", "button");
      this.tabIndex = 0;
      if (this.style.display !== "none") {
        this.style.cssText +=
          ";display:inline-block;padding:.6rem 1.2rem;border-radius:8px;background:#17686c;color:#fff;cursor:pointer";
      }
      this.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") this.click();
      });
      this.addEventListener("click", () => {
        const action = this.getAttribute("form-action");
        if (action === "submit" || action === "reset") this.closest("crowd-form")?.[action]();
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

  const upgrade = () => {
    customElements.define("crowd-button", CrowdButton);
    customElements.define("crowd-form", CrowdForm);
    document.dispatchEvent(new Event("all-crowd-elements-ready"));
  };
  document.addEventListener("DOMContentLoaded", () => setTimeout(upgrade));
})();
