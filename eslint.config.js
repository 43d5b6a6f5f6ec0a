import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["**/dist/**", ".venv/**", ".venv-emulator/**", ".aws-sam/**", ".demo/**"] },
  js.configs.recommended,
  {
    rules: {
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
      // Hostile labels reach the page as data: these sinks would turn data into markup or code.
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "Use textContent: labels are data." },
        { property: "outerHTML", message: "Use textContent: labels are data." },
        { property: "insertAdjacentHTML", message: "Use textContent: labels are data." },
        { property: "scrollIntoView", message: "It scrolls the whole page; set scrollTop of the list." },
      ],
      "no-console": "error",
    },
  },
  {
    files: ["src/ui/lib/**/*.js", "src/ui/portal/**/*.js", "src/handlers/truepoint/results/report_page/*.js"],
    languageOptions: { globals: { ...globals.browser, ELEMENT: "readonly" } },
  },
  {
    files: [
      "src/ui/*.js",
      "tests/**/*.js",
      "eslint.config.js",
      "scripts/**/*.js",
      "src/truepoint/prediction/node/*.js",
    ],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
    rules: { "no-console": "off" },
  },
];
