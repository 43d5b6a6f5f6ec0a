/**
 * Preset skeletons. Names and order follow the datasets, sigmas follow MMPose, template poses are this project's own.
 */
import { PALETTE } from "../colors.js";
import boxTruck from "../../../../skeletons/box-truck.json" with { type: "json" };
import cocoPerson from "../../../../skeletons/coco-person.json" with { type: "json" };

const LEFT = "#1c7ed6";
const RIGHT = "#e8590c";
const MIDDLE = "#f2c14e";

/** @param {string} name */
const colorOf = (name) => (name.startsWith("left_") ? LEFT : name.startsWith("right_") ? RIGHT : MIDDLE);

/** @param {string} name @param {string[]} names */
function pairOf(name, names) {
  const other = name.startsWith("left_")
    ? name.replace("left_", "right_")
    : name.startsWith("right_")
      ? name.replace("right_", "left_")
      : "";
  return names.includes(other) ? other : "";
}

/**
 * @param {string} name
 * @param {string} supercategory
 * @param {[string, number, number, number][]} rows name, x, y, sigma
 * @param {[string, string][]} edges
 */
function preset(name, supercategory, rows, edges) {
  const names = rows.map(([label]) => label);
  const keypoints = rows.map(([label, x, y, sigma]) => {
    const pair = pairOf(label, names);
    return { name: label, ...(pair ? { pair } : {}), sigma, color: colorOf(label), template: [x, y] };
  });
  return { version: "1.0", name, supercategory, keypoints, edges };
}

/** @param {string[]} names @returns {[string, string][]} edges from each name to the next */
const chain = (...names) => names.slice(1).map((name, i) => [names[i], name]);

const mpii = preset(
  "mpii-person",
  "person",
  [
    ["right_ankle", 36, 190, 0.089],
    ["right_knee", 37, 146, 0.083],
    ["right_hip", 38, 102, 0.107],
    ["left_hip", 62, 102, 0.107],
    ["left_knee", 63, 146, 0.083],
    ["left_ankle", 64, 190, 0.089],
    ["pelvis", 50, 100, 0.026],
    ["thorax", 50, 40, 0.026],
    ["upper_neck", 50, 28, 0.026],
    ["head_top", 50, 0, 0.026],
    ["right_wrist", 20, 104, 0.062],
    ["right_elbow", 22, 74, 0.072],
    ["right_shoulder", 30, 42, 0.179],
    ["left_shoulder", 70, 42, 0.179],
    ["left_elbow", 78, 74, 0.072],
    ["left_wrist", 80, 104, 0.062],
  ],
  [
    ...chain("right_ankle", "right_knee", "right_hip", "pelvis", "left_hip", "left_knee", "left_ankle"),
    ...chain("pelvis", "thorax", "upper_neck", "head_top"),
    ...chain("right_wrist", "right_elbow", "right_shoulder", "thorax", "left_shoulder", "left_elbow", "left_wrist"),
  ],
);

const HAND_SIGMAS = [
  0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035, 0.018, 0.024, 0.022, 0.026, 0.017, 0.021, 0.021, 0.032,
  0.02, 0.019, 0.022, 0.031,
];
/**
 * For each finger: name, x and y of its first joint, then the x and y offset from one joint to the next.
 * @type {[string, number, number, number, number][]}
 */
const FINGERS = [
  ["thumb", 68, 88, 11, -14],
  ["index", 62, 56, 3, -15],
  ["middle", 50, 52, 0, -17],
  ["ring", 38, 56, -2, -15],
  ["pinky", 27, 64, -4, -12],
];
const hand = preset(
  "hand",
  "hand",
  [
    ["wrist", 50, 110, HAND_SIGMAS[0]],
    ...FINGERS.flatMap(([finger, x, y, dx, dy], f) =>
      [1, 2, 3, 4].map(
        (n) =>
          /** @type {[string, number, number, number]} */ ([
            `${finger}_${n}`,
            x + dx * (n - 1),
            y + dy * (n - 1),
            HAND_SIGMAS[4 * f + n],
          ]),
      ),
    ),
  ],
  FINGERS.flatMap(([finger]) => chain("wrist", ...[1, 2, 3, 4].map((n) => `${finger}_${n}`))),
);
hand.keypoints.slice(1).forEach((keypoint, n) => (keypoint.color = PALETTE[Math.floor(n / 4)]));

const quadruped = preset(
  "ap10k-quadruped",
  "animal",
  [
    ["left_eye", 22, 14, 0.025],
    ["right_eye", 12, 14, 0.025],
    ["nose", 4, 28, 0.026],
    ["neck", 48, 34, 0.035],
    ["root_of_tail", 150, 36, 0.035],
    ["left_shoulder", 56, 58, 0.079],
    ["left_elbow", 58, 84, 0.072],
    ["left_front_paw", 60, 112, 0.062],
    ["right_shoulder", 44, 58, 0.079],
    ["right_elbow", 42, 84, 0.072],
    ["right_front_paw", 40, 112, 0.062],
    ["left_hip", 140, 58, 0.107],
    ["left_knee", 146, 84, 0.087],
    ["left_back_paw", 148, 112, 0.089],
    ["right_hip", 128, 58, 0.107],
    ["right_knee", 126, 84, 0.087],
    ["right_back_paw", 124, 112, 0.089],
  ],
  [
    ...chain("left_eye", "right_eye", "nose", "left_eye"),
    ...chain("nose", "neck", "root_of_tail"),
    ...chain("neck", "left_shoulder", "left_elbow", "left_front_paw"),
    ...chain("neck", "right_shoulder", "right_elbow", "right_front_paw"),
    ...chain("root_of_tail", "left_hip", "left_knee", "left_back_paw"),
    ...chain("root_of_tail", "right_hip", "right_knee", "right_back_paw"),
  ],
);

/** About the mean of the face keypoints of COCO-WholeBody. */
const FACE_SIGMA = 0.015;

/**
 * The 68 keypoints of a face in their usual order, as arcs. The subject's right side is on the left of the picture.
 * @returns {ReturnType<typeof preset>}
 */
function face() {
  /** @type {[string, number, number, number][]} */
  const rows = [];
  /** @type {[string, string][]} */
  const edges = [];
  const round = (/** @type {number} */ value) => Math.round(value * 10) / 10;
  const part = (/** @type {string[]} */ names, /** @type {(n: number) => [number, number]} */ at, closed = false) => {
    names.forEach((name, n) => rows.push([name, round(at(n)[0]), round(at(n)[1]), FACE_SIGMA]));
    edges.push(...chain(...names, ...(closed ? [names[0]] : [])));
  };
  const sided = (/** @type {string} */ what, /** @type {number} */ count) =>
    Array.from({ length: count }, (_, n) => {
      const half = (count - 1) / 2;
      if (n === half) return `${what}_middle`;
      return n < half ? `right_${what}_${n + 1}` : `left_${what}_${count - n}`;
    });
  const ring =
    (
      /** @type {number} */ cx,
      /** @type {number} */ cy,
      /** @type {number} */ rx,
      /** @type {number} */ ry,
      /** @type {number} */ count,
    ) =>
    (/** @type {number} */ n) => {
      const turn = Math.PI + (2 * Math.PI * n) / count;
      return /** @type {[number, number]} */ ([cx + rx * Math.cos(turn), cy + ry * Math.sin(turn)]);
    };
  part(sided("jaw", 17), (n) => {
    const turn = Math.PI - (Math.PI * n) / 16;
    return [80 + 70 * Math.cos(turn), 70 + 85 * Math.sin(turn)];
  });
  const arc = (/** @type {number} */ left) => (/** @type {number} */ n) =>
    /** @type {[number, number]} */ ([left + 10 * n, 42 - 6 * Math.sin((Math.PI * n) / 4)]);
  part(
    [1, 2, 3, 4, 5].map((n) => `right_brow_${n}`),
    arc(26),
  );
  part(
    [5, 4, 3, 2, 1].map((n) => `left_brow_${n}`),
    arc(94),
  );
  part(
    [1, 2, 3, 4].map((n) => `nose_bridge_${n}`),
    (n) => [80, 56 + 11 * n],
  );
  part(sided("nostril", 5), (n) => [68 + 6 * n, 99 + 3 * Math.sin((Math.PI * n) / 4)]);
  part(
    [1, 2, 3, 4, 5, 6].map((n) => `right_eye_${n}`),
    ring(47, 58, 11, 5, 6),
    true,
  );
  part(
    [4, 3, 2, 1, 6, 5].map((n) => `left_eye_${n}`),
    ring(113, 58, 11, 5, 6),
    true,
  );
  const lip = (/** @type {string} */ what, /** @type {number} */ across) => [
    ...sided(`${what}_upper`, across),
    ...sided(`${what}_lower`, across - 2).reverse(),
  ];
  part(lip("lip", 7), ring(80, 122, 26, 10, 12), true);
  part(lip("inner_lip", 5), ring(80, 122, 17, 4, 8), true);
  return preset("face-68", "face", rows, edges);
}

/** @type {[string, any][]} */
export const PRESETS = [
  ["Person, COCO (17)", cocoPerson],
  ["Person, MPII (16)", mpii],
  ["Hand (21)", hand],
  ["Quadruped, AP-10K (17)", quadruped],
  ["Face (68)", face()],
  ["Box truck", boxTruck],
];
