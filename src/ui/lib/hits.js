/** Hit test: which keypoint lies under the pointer. Pure arithmetic over the document, no picture is asked. */
/** @import {Instance, View, XY} from "./types.js" */
import { isPlaced } from "./document.js";

/**
 * The nearest keypoint within a radius; of those about equally near, one of the active instance.
 * @param {Iterable<Instance>} instances the visible ones
 * @param {View} view
 * @param {XY} at on the stage
 * @param {number} radius screen pixels
 * @param {string | null} active
 * @param {Set<string>} hidden
 * @returns {{id: string, index: number, distance: number} | null}
 */
export function nearestKeypoint(instances, view, at, radius, active, hidden) {
  let best = null;
  let bestScore = radius;
  for (const instance of instances) {
    const bonus = instance.id === active ? 4 : 0;
    for (let index = 0; index < instance.points.length; index++) {
      const point = instance.points[index];
      if (!isPlaced(point) || (hidden.size && hidden.has(`${instance.id}/${index}`))) continue;
      const dx = point.x * view.scale + view.tx - at.x;
      const dy = point.y * view.scale + view.ty - at.y;
      const distance = Math.hypot(dx, dy);
      if (distance <= radius && distance - bonus < bestScore) {
        bestScore = distance - bonus;
        best = { id: instance.id, index, distance };
      }
    }
  }
  return best;
}
