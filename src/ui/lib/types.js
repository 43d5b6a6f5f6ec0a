/**
 * The vocabulary of the element. No code: every other module imports these types.
 *
 * @typedef {(name: string) => string | null} Attributes of the element, by name
 *
 * @typedef {object} Keypoint one class of keypoint of the skeleton
 * @property {string} label as it is stored
 * @property {string} name as it is shown, in the language of the page
 * @property {string} color
 * @property {number} x place in the template pose
 * @property {number} y
 * @property {number} pair index of the same keypoint on the other side, -1 without one
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
 * @property {Box | null} box what the template pose fills; null when a whole skeleton cannot be drawn
 * @property {number[][]} distal per keypoint: what hangs on it, itself not included
 * @property {string[]} problems what was wrong with the attributes, in plain words
 *
 * @typedef {"not_visible" | "outside_image"} Reason
 * @typedef {object} Point one keypoint of one instance
 * @property {number} x image pixels
 * @property {number} y
 * @property {0 | 1 | 2} v COCO visibility: 0 not labelled (for a reason), 1 occluded, 2 visible
 * @property {Reason} [reason] only with v = 0
 * @property {string} [comment]
 * @property {Record<string, unknown>} [extra] fields of a pre-label that are none of ours, handed back as they came
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
 * @property {Record<number, Point>} [offers] keypoints of a pre-label whose score is so low that they are not placed at the start
 * @property {number[]} [confirmed] keypoints of a pre-label that the worker found to be right
 * @property {Record<string, unknown>[]} strays entries of a pre-label that fit no keypoint of this skeleton
 *
 * @typedef {{line?: string, marker?: string, shape?: Shape}} Options
 * @typedef {"circle" | "square" | "diamond"} Shape
 *
 * @typedef {object} Doc everything that is submitted, and so everything that undo covers
 * @property {Instance[]} instances
 * @property {boolean} noChanges
 * @property {string} comment on the whole image
 *
 * @typedef {{width: number, height: number}} Size
 * @typedef {{x: number, y: number}} XY
 * @typedef {{scale: number, tx: number, ty: number}} View screen = image * scale + t
 */

export {};
