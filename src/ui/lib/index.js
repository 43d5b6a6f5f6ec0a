/** The bundle's entry point. It defines the element once, even if the script is loaded several times. */
import { Crowd2dSkeleton } from "./element.js";

if (!customElements.get("crowd-2d-skeleton")) customElements.define("crowd-2d-skeleton", Crowd2dSkeleton);
