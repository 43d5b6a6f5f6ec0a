/**
 * The types that the element's modules share. This module has no code.
 *
 * @typedef {(name: string) => string | null} Attributes of the element, by name
 *
 * @typedef {object} Keypoint one class of keypoint of the skeleton
 * @property {string} label as it is stored
 * @property {string} name as it is shown, in the language of the page
 * @property {string} color
 * @property {number} x position in the template pose
 * @property {number} y
 * @property {number} pair index of the counterpart on the other side; -1 for none
 * @property {"left" | "right" | ""} side
 * @property {number} sigma COCO's per-keypoint constant
 *
 * @typedef {[number, number, string | null]} Edge two keypoint indexes and a colour
 * @typedef {{left: number, top: number, right: number, bottom: number}} Box
 *
 * @typedef {object} Skeleton
 * @property {Keypoint[]} keypoints
 * @property {Edge[]} edges
 * @property {Map<string, number>} index label to index
 * @property {Box | null} box bounds of the template pose; null if a whole skeleton cannot be drawn
 * @property {number[][]} distal for each keypoint, the keypoints beyond it, without itself
 * @property {string[]} problems messages about invalid attributes, for the worker
 *
 * @typedef {"not_visible" | "outside_image"} Reason
 * @typedef {object} Point one keypoint of one instance
 * @property {number} x image pixels
 * @property {number} y
 * @property {0 | 1 | 2} v COCO visibility: 0 not labelled (for a reason), 1 occluded, 2 visible
 * @property {Reason} [reason] only with v = 0
 * @property {string} [comment]
 * @property {Record<string, unknown>} [extra] other fields of a pre-label, returned unchanged in the answer
 *
 * @typedef {object} Instance
 * @property {string} id
 * @property {string} name
 * @property {(Point | null)[]} points by keypoint index
 * @property {Box | null} box
 * @property {string} comment
 * @property {string | null} color
 * @property {boolean} prelabel
 * @property {boolean} locked may not be changed (annotation_options.editable is false)
 * @property {Options} options
 * @property {Record<string, unknown>} extra
 * @property {Record<number, Point>} [offers] pre-labelled keypoints that are offered, not placed, because of their low
 *     score
 * @property {number[]} [confirmed] pre-labelled keypoints that the worker confirmed
 * @property {Record<string, unknown>[]} strays annotations of a pre-label that match no keypoint of this skeleton
 *
 * @typedef {{line?: string, marker?: string, shape?: Shape}} Options
 * @typedef {"circle" | "square" | "diamond"} Shape
 *
 * @typedef {object} Doc the document that is submitted; undo restores all of it
 * @property {Instance[]} instances
 * @property {boolean} noChanges
 * @property {string} comment on the whole image
 *
 * @typedef {{width: number, height: number}} Size
 * @typedef {{x: number, y: number}} XY
 * @typedef {{scale: number, tx: number, ty: number}} View screen = image * scale + t
 */

export {};
