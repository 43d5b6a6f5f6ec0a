/** The bundle's entry: defines the element once, however often the script is loaded. */
import { Crowd2dSkeleton } from "./element.js";

if (!customElements.get("crowd-2d-skeleton")) customElements.define("crowd-2d-skeleton", Crowd2dSkeleton);
