/* A stand-in for crowd-form: collects named inputs of its light DOM and hides its own button when it finds another. */
class CrowdForm extends HTMLElement {
  connectedCallback() {
    setTimeout(() => {
      if (this.querySelector('crowd-button[form-action="submit"]')) return;
      const button = document.createElement("button");
      button.textContent = "Submit";
      button.addEventListener("click", () => this.submit());
      this.append(button);
    });
  }
  submit() {
    const event = new Event("submit", { cancelable: true, bubbles: true });
    if (!this.hasAttribute("silent") && !this.dispatchEvent(event)) return;
    window.sent.push(Object.fromEntries([...this.querySelectorAll("input[name]")].map((input) => [input.name, input.value])));
  }
}
customElements.define("crowd-form", CrowdForm);
customElements.define("crowd-button", class extends HTMLElement {});
