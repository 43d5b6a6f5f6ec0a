/** Skeletons of other tools: COCO, CVAT, SLEAP, DeepLabCut, YOLO, Label Studio, and plain lists of names. */
import { isNumber, isRecord, readJson, shown } from "../json.js";
import { MOST_KEYPOINTS } from "../skeleton.js";
import { PRESETS } from "./presets.js";

/**
 * @typedef {object} Source a skeleton from a file; `classes` and `rig` have the form of the element's attributes
 * @property {string} [name]
 * @property {string} [supercategory]
 * @property {any[]} classes
 * @property {any} [rig]
 * @property {string[]} [notes] sentences about the file's content that was left out or reinterpreted
 */

/** @param {unknown} value @returns {any[]} */
const list = (value) => (Array.isArray(value) ? value : []);
/** @param {unknown} value @returns {value is string[]} */
const areTexts = (value) => Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === "string");
/** @param {unknown} value a list, or a record with numbers as keys, as in YOLO @returns {any[]} the values in order; none if a number is missing */
const inOrder = (value) => {
  if (!isRecord(value)) return list(value);
  const keys = Object.keys(/** @type {object} */ (value)).sort((a, b) => Number(a) - Number(b));
  return keys.every((key, n) => /^\d+$/.test(key) && Number(key) === Number(keys[0]) + n)
    ? keys.map((key) => /** @type {any} */ (value)[key])
    : [];
};
const isDigits = (/** @type {string} */ cell) => /^[-+]?\d*\.?\d+$/.test(cell);
/** @param {unknown} value @returns {number[]} */
const numbers = (value) =>
  list(value).map((number) =>
    isNumber(number) || (typeof number === "string" && number.trim()) ? Number(number) : NaN,
  );

// -------------------------------------------------------------------------------------------------------------- COCO

/** @param {any} value */
const isCategory = (value) => isRecord(value) && areTexts(value.keypoints);

/** @param {any} value a file, a list of categories, or one @returns {Source[]} */
function fromCoco(value) {
  const categories = [value, ...list(value), ...list(value?.categories)].filter(isCategory);
  const edges = categories.flatMap((category) =>
    list(category.skeleton).map((edge) => ({ ends: numbers(edge).slice(0, 2), count: category.keypoints.length })),
  );
  // Edges count from 1. In files where an index is 0 and none is a category's last one counted from 1, they count from 0.
  const isFromZero =
    edges.some(({ ends }) => ends.includes(0)) && !edges.some(({ ends, count }) => ends.includes(count));
  return categories.map((category) => fromCategory(category, isFromZero ? 0 : 1));
}

/**
 * COCO has names and edges but no positions; this project's coco.json also has sigmas and pairs. Positions come from a
 * preset that has all the names.
 * @param {any} category
 * @param {0 | 1} first the index of the first keypoint in edges
 * @returns {Source}
 */
function fromCategory({ name, supercategory, keypoints: names, skeleton, sigmas, flip_pairs: pairs }, first) {
  const known = PRESETS.map(([, preset]) => preset.keypoints).find((keypoints) =>
    names.every((/** @type {string} */ label) =>
      keypoints.some((/** @type {any} */ keypoint) => keypoint.name === label),
    ),
  );
  const classes = names.map((/** @type {string} */ label, /** @type {number} */ n) => {
    const place = known?.find((/** @type {any} */ keypoint) => keypoint.name === label);
    const pair = list(pairs)
      .find((entry) => Array.isArray(entry) && entry.includes(n))
      ?.find((/** @type {unknown} */ i) => i !== n);
    return {
      label,
      color: place?.color,
      x: place?.template[0],
      y: place?.template[1],
      pair: names[pair],
      sigma: sigmas?.[n],
      display_names: place?.display_names,
    };
  });
  const notes = !first
    ? ["The edges count from 0, although COCO counts from 1. They were read as counting from 0."]
    : [];
  return { name, supercategory, classes, rig: byIndex(skeleton, names, first), notes };
}

/** @param {any} edges of numbers, or of names as some tools write them @param {string[]} names @param {0 | 1} first */
const byIndex = (edges, names, first) =>
  list(edges).map((edge) =>
    Array.isArray(edge)
      ? edge.slice(0, 2).map((end) => (names.includes(end) ? end : (names[numbers([end])[0] - first] ?? end)))
      : edge,
  );

// -------------------------------------------------------------------------------------------------------------- CVAT

/** @param {string} text @returns {Element} */
const svgOf = (text) => new DOMParser().parseFromString(`<div>${text}</div>`, "text/html").body;

/**
 * @param {Element} drawing with CVAT's lines and circles
 * @param {any[]} sublabels in the order in which CVAT exports them; empty if only the drawing is there
 * @param {string} [name]
 * @returns {Source}
 */
function fromCvatDrawing(drawing, sublabels, name) {
  const attribute = (/** @type {Element} */ node, /** @type {string} */ key) => node.getAttribute(`data-${key}`) ?? "";
  // Without a description, the nodes' own names are used.
  const description = drawing.querySelector('[data-description-type="labels-specification"]')?.textContent ?? null;
  const described = new Map(Object.entries(readJson(description) ?? {}).filter(([, label]) => isRecord(label)));
  const nodes = [...drawing.querySelectorAll("[data-node-id]")].sort(
    (a, b) => Number(attribute(a, "node-id")) - Number(attribute(b, "node-id")),
  );
  const labels = nodes.map((node, n) => {
    const id = attribute(node, "label-id");
    const label =
      described.get(attribute(node, "node-id")) ??
      sublabels.find((sublabel) => id && String(sublabel?.id) === id) ??
      sublabels.find((sublabel) => sublabel?.name === attribute(node, "label-name"));
    // Label ids differ between CVAT servers. If no label matches, the nodes are taken in the order of the labels.
    return (
      label ?? {
        name: attribute(node, "label-name") || sublabels[n]?.name || attribute(node, "node-id"),
        color: sublabels[n]?.color,
      }
    );
  });
  const named = new Map(nodes.map((node, n) => [attribute(node, "node-id"), labels[n].name]));
  const at = (/** @type {Element | undefined} */ node, /** @type {string} */ axis) =>
    node ? Number(node.getAttribute(`c${axis}`)) : undefined;
  /** @type {Map<any, Element>} the first node of each name */
  const nodeOf = new Map();
  for (const [n, { name: own }] of labels.entries()) if (!nodeOf.has(own)) nodeOf.set(own, nodes[n]);
  const classes = (sublabels.length ? sublabels : labels).map((label) => {
    const node = nodeOf.get(label?.name);
    return { label: label?.name, color: label?.color, x: at(node, "x"), y: at(node, "y") };
  });
  const rig = [...drawing.querySelectorAll("[data-node-from]")].map((edge) => [
    named.get(attribute(edge, "node-from")),
    named.get(attribute(edge, "node-to")),
  ]);
  const attributes = [...sublabels, ...labels].filter((label) => list(label?.attributes).length);
  return {
    name,
    classes,
    rig,
    notes: attributes.length ? [`CVAT's attributes of “${attributes[0].name}” were left out.`] : [],
  };
}

/** @param {any} value the labels of a project or task, as CVAT's "Raw" tab and its API give them @returns {Source[]} */
function fromCvatLabels(value) {
  const labels = [value, ...list(value), ...list(value?.labels), ...list(value?.results)];
  return labels
    .filter(
      (label) =>
        isRecord(label) &&
        (label.type === "skeleton" || typeof label.svg === "string") &&
        Array.isArray(label.sublabels),
    )
    .map((label) =>
      fromCvatDrawing(svgOf(typeof label.svg === "string" ? label.svg : ""), label.sublabels, label.name),
    );
}

/** @param {Document} page CVAT's annotations.xml @returns {Source[]} */
function fromCvatXml(page) {
  const text = (/** @type {Element} */ label, /** @type {string} */ tag) =>
    [...label.children].find((child) => child.tagName === tag)?.textContent ?? "";
  const labels = [...page.querySelectorAll("labels > label")];
  return labels
    .filter((label) => text(label, "type") === "skeleton")
    .map((label) => {
      const name = text(label, "name");
      const own = labels
        .filter((other) => text(other, "parent") === name)
        .map((other) => ({ name: text(other, "name"), color: text(other, "color") }));
      return fromCvatDrawing(svgOf(text(label, "svg")), own, name);
    });
}

// ------------------------------------------------------------------------------------------------------ Label Studio

/** @param {Document} page a labelling configuration @returns {Source[]} one for each set of labels */
function fromLabelStudio(page) {
  // Label Studio ignores the case of tags.
  const tagged = (/** @type {Document | Element} */ root, /** @type {string} */ name) =>
    [...root.querySelectorAll("*")].filter(({ localName }) => localName.toLowerCase() === name);
  const targets = tagged(page, "keypoint").map((tool) => tool.getAttribute("toName"));
  const own = tagged(page, "keypointlabels");
  const sets = own.length ? own : tagged(page, "labels").filter((set) => targets.includes(set.getAttribute("toName")));
  const boxes = tagged(page, "rectanglelabels")
    .flatMap((set) => tagged(set, "label"))
    .map((label) => label.getAttribute("value") ?? "");
  return sets.map((set) => {
    const labels = tagged(set, "label");
    const fixed = labels.filter(
      (label) => label.getAttribute("value") && !/^\$/.test(label.getAttribute("value") ?? ""),
    );
    const order = fixed.map((label) => Number(label.getAttribute("model_index") ?? NaN));
    // If every label has a model_index, sort by it: Label Studio's exports use that order.
    const isOrdered = new Set(order.filter(isNumber)).size === fixed.length;
    if (isOrdered) fixed.sort((a, b) => Number(a.getAttribute("model_index")) - Number(b.getAttribute("model_index")));
    const notes = labels.length > fixed.length ? ["Labels that Label Studio takes from each task were left out."] : [];
    const name = boxes.length === 1 ? boxes[0] : (set.getAttribute("name") ?? "");
    return {
      name,
      classes: fixed.map((label) => ({ label: label.getAttribute("value"), color: label.getAttribute("background") })),
      notes,
    };
  });
}

/** @param {string} text XML or SVG @returns {Source[] | null} null for invalid XML */
export function fromXml(text) {
  const isCvatXml = /<annotations[\s>]/.test(text);
  if (!isCvatXml && text.includes("data-node-id")) {
    const drawing = svgOf(text);
    if (drawing.querySelector("svg [data-node-id]")) return [fromCvatDrawing(drawing, [])];
  }
  // The labels are in the first element, and the annotations after it may have hundreds of megabytes.
  const head = isCvatXml ? text.replace(/(<\/meta>)[^]*/, "$1</annotations>") : text;
  const page = new DOMParser().parseFromString(head, "text/xml");
  if (page.querySelector("parsererror")) return null;
  return [...fromCvatXml(page), ...fromLabelStudio(page)];
}

// ------------------------------------------------------------------------------------------------------------- SLEAP

/** @param {any} value a node or a kind of edge as jsonpickle writes it @returns {any} the node's name, or the kind: 1 for an edge, 2 for a symmetry */
const unpickled = (value) =>
  list(value?.["py/reduce"])[1]?.["py/tuple"]?.[0] ??
  value?.["py/state"]?.["py/tuple"]?.[0] ??
  value?.["py/state"]?.name ??
  value?.name ??
  value;

/**
 * jsonpickle writes an object at its first occurrence, and later a reference by number. SLEAP numbers nodes and kinds
 * of edges together. sleap-io writes nodes repeatedly, and numbers distinct nodes and kinds of edges separately.
 * @param {any} graph of one skeleton
 * @param {any[]} shared the nodes that all skeletons of a labels file share
 * @returns {Source}
 */
function fromSleap(graph, shared) {
  const nodes = list(graph.nodes).map((node) => (isRecord(node) && "id" in node ? node.id : node));
  // Other tools' graphs number the nodes and name them besides.
  const named = new Map(
    list(graph.nodes).flatMap((node) => (typeof node?.name === "string" ? [[node.id, node.name]] : [])),
  );
  const links = list(graph.links).filter(isRecord);
  const inLinks = links.flatMap((link) => Object.values(link));
  const ordered = (/** @type {any[]} */ values) =>
    values.filter((value) => value?.["py/object"] || value?.["py/reduce"]).map(unpickled);
  // jsonpickle numbers objects in the order of its own pass. Other tools may have sorted the file's keys since.
  const orders = [ordered([...inLinks, ...nodes]), ordered([...nodes, ...inLinks])];
  if (Object.keys(graph).indexOf("nodes") < Object.keys(graph).indexOf("links")) orders.reverse();
  const apart = {
    string: [...new Set(orders[0].filter((value) => typeof value === "string"))],
    number: orders[0].filter((value) => typeof value === "number"),
  };
  const references = [...nodes, ...links.flatMap(({ source, target }) => [source, target])]
    .map((value) => [value, "string"])
    .concat(links.map(({ type }) => [type, "number"]))
    .filter(([value]) => isNumber(value?.["py/id"]));
  const together = orders.find((order) =>
    references.every(([value, kind]) => typeof order[value["py/id"] - 1] === kind),
  );
  const decoded = (/** @type {any} */ value, /** @type {"string" | "number"} */ kind) =>
    isNumber(value?.["py/id"])
      ? (together ?? apart[kind])[value["py/id"] - 1]
      : // A labels file refers to nodes by their index in the list that all its skeletons share.
        isNumber(value) && kind === "string"
        ? (named.get(value) ?? (shared.length ? unpickled(shared[value]) : `${value}`))
        : unpickled(value);
  const names = nodes.map((node) => decoded(node, "string"));
  /** @type {[any, any][]} */
  const edges = [];
  /** @type {[any, any][]} */
  const symmetries = [];
  const order = (/** @type {any} */ link) => (isNumber(link.edge_insert_idx) ? link.edge_insert_idx : Infinity);
  let unknown = 0;
  for (const { source, target, type } of links.toSorted((a, b) => order(a) - order(b) || 0)) {
    const number = decoded(type, "number") ?? (type ? 0 : 1);
    if (number !== 1 && number !== 2) unknown += 1;
    else (number === 2 ? symmetries : edges).push([decoded(source, "string"), decoded(target, "string")]);
  }
  // The plain form gives the ends of an edge by name, or by index from 0.
  const end = (/** @type {any} */ value) => {
    const name = unpickled(value);
    return names.includes(name) ? name : (names[/^\d+$/.test(shown(name)) ? Number(name) : -1] ?? name);
  };
  for (const edge of list(graph.edges))
    edges.push(
      Array.isArray(edge) ? [end(edge[0]), end(edge[1])] : [end(edge?.source), end(edge?.destination ?? edge?.target)],
    );
  for (const symmetry of list(graph.symmetries)) {
    const [a, b] = Array.isArray(symmetry) ? symmetry : list(symmetry?.nodes);
    symmetries.push([end(a), end(b)]);
  }
  const pairs = new Map(
    symmetries.flatMap(([a, b]) => [
      [a, b],
      [b, a],
    ]),
  );
  return {
    name: graph.graph?.name ?? graph.name,
    classes: names.map((label) => ({ label, pair: pairs.get(label) })),
    rig: edges,
    notes: unknown ? [`${unknown} links were left out: expected a type of 1 (edge) or 2 (symmetry), got neither.`] : [],
  };
}

/** @param {any} value @returns {boolean} */
const isSleap = (value) =>
  isRecord(value) &&
  Array.isArray(value.nodes) &&
  (Array.isArray(value.links) || Array.isArray(value.edges) || Array.isArray(value.symmetries));

/** @param {any} value a skeleton, a labels file, a training configuration, or a record of skeletons by name @returns {Source[]} */
function fromSleapFile(value) {
  const inside = value?.nx_graph ?? value?.data?.labels ?? value?.data_config ?? value;
  const skeletons = [inside, ...list(inside), ...list(inside?.skeletons)].map(
    (skeleton) => skeleton?.nx_graph ?? skeleton,
  );
  if (isRecord(inside) && !skeletons.some(isSleap))
    for (const [name, skeleton] of Object.entries(inside)) if (isSleap(skeleton)) skeletons.push({ ...skeleton, name });
  return skeletons.filter(isSleap).map((skeleton) => fromSleap(skeleton, isSleap(inside) ? [] : list(inside?.nodes)));
}

// ------------------------------------------------------------------------------------------------- DeepLabCut and YOLO

/** @param {any} value config.yaml @returns {Source[]} the animals' body parts, and the unique body parts */
function fromDeepLabCut(value) {
  // Single-animal projects may have empty lists of the other kind.
  const several = [list(value?.multianimalbodyparts), list(value?.uniquebodyparts)];
  const isMulti = several.flat().length > 0 && (several[0].length > 0 || !list(value.bodyparts).length);
  const sets = isMulti ? several : [list(value?.bodyparts)];
  const name = typeof value?.Task === "string" ? value.Task : "skeleton";
  return sets
    .map((parts, n) => ({
      name: n ? `${name}_unique` : name,
      classes: parts.map((/** @type {unknown} */ label) => ({ label })),
      // One list holds the edges of both sets. An entry of more than two body parts is a chain of edges.
      rig: list(value?.skeleton)
        .flatMap((edge) =>
          list(edge).length > 2
            ? edge.slice(1).map((/** @type {any} */ end, /** @type {number} */ i) => [edge[i], end])
            : [edge],
        )
        .filter((edge) => !sets[1 - n]?.length || !list(edge).every((end) => sets[1 - n].includes(end))),
      notes:
        isMulti && !n
          ? ["Individuals were left out, because they are not part of a skeleton: label each animal as an instance."]
          : [],
    }))
    .filter(({ classes }) => classes.length);
}

/** @param {any} value data.yaml @returns {Source[]} one for each class with names of its own */
function fromYolo(value) {
  const count = numbers(value?.kpt_shape)[0];
  if (!(count > 0) || !Number.isInteger(count) || count > 1e5) return [];
  /** @type {Record<string, any>} */
  const classes = isRecord(value.names) ? value.names : list(value.names);
  const given = value.kpt_names ?? value.keypoint_names ?? value.node_names;
  const own = Object.keys(classes)[0] ?? "0";
  // Names of all classes, or by a class's number or name.
  const sets = /** @type {[string, any][]} */ (
    areTexts(inOrder(given))
      ? [[own, inOrder(given)]]
      : Object.entries(given ?? {})
          .map(([key, names]) => [key, inOrder(names)])
          .filter(([, names]) => areTexts(names))
  );
  // Numbers of keypoints count from 0. A skeleton without a 0 that has the number of all keypoints counts from 1, as in COCO.
  const ends = list(value.skeleton).flatMap((edge) => numbers(edge).slice(0, 2));
  const first = ends.includes(count) && !ends.includes(0) ? 1 : 0;
  const flips = numbers(value.flip_idx);
  const sigmas = numbers(value.kpt_oks_sigmas);
  const isSound = flips.length === count && flips.every((i, n) => flips[i] === n);
  if (!sets.length || count > MOST_KEYPOINTS) sets.splice(0, Infinity, [own, []]);
  return sets.map(([key, labels]) => {
    const names = Array.from({ length: count }, (_, i) => labels[i] ?? `keypoint_${i + 1}`);
    const notes = [];
    if (first) notes.push("The edges count from 1, although YOLO counts from 0. They were read as counting from 1.");
    if (!labels.length)
      notes.push(
        `${given ? "Expected kpt_names to be a list, or numbered without gaps; got something else" : "The file has no kpt_names"}: its keypoints are numbered.`,
      );
    else if (labels.length !== count) notes.push(`Expected ${count} kpt_names, got ${labels.length}.`);
    if (flips.length && !isSound)
      notes.push(
        "flip_idx was left out: expected a number for each keypoint, and its counterpart’s number to lead back to it.",
      );
    return {
      name: Object.hasOwn(classes, key) ? classes[key] : isDigits(key) ? undefined : key,
      notes,
      rig: byIndex(value.skeleton, names, first),
      classes: names.map((/** @type {string} */ label, i) => ({
        label,
        sigma: sigmas[i],
        ...(isSound && { pair: flips[i] === i ? null : names[flips[i]] }),
      })),
    };
  });
}

// ------------------------------------------------------------------------------------------------------------- names

/** A cell of a line: in double or single quotes, or up to the next separator. */
const CELL =
  /[^\S\n\t]*(?:"([^"]*(?:""[^"]*)*)"|'([^']*(?:''[^']*)*)'|“([^”\n]*)”|([^\n,;\t|]*))[^\S\n\t]*(?=[\n,;\t|]|$)[,;\t|]?/g;

/** @param {string} line with its end @returns {string[]} */
const cellsOf = (line) =>
  [...line.matchAll(CELL)]
    .map(([, double, single, curly, plain]) =>
      (double?.replaceAll('""', '"') ?? single?.replaceAll("''", "'") ?? curly ?? plain).trim(),
    )
    .slice(0, -2); // without the matches before and after the line's end

/**
 * @param {string} text names in lines, in one line with separators, or in a column of a table
 * @returns {string[]} the names; fewer than two mean that the text is something else
 */
export function namesIn(text) {
  if (/[\ufffd\0<>{}]/.test(text)) return [];
  const lines = text.split("\n").filter((line) => line.trim() && !/^\s*#\s/.test(line));
  const rows = lines.map((line) => cellsOf(`${line.replace(/^\s*(?:[-*•]|\d+[.)])\s+/, "")}\n`));
  const width = rows[0]?.length ?? 0;
  const body = rows.slice(1);
  // In a table, every line has as many cells, and a column has numbers: indices or coordinates.
  const isColumn = (/** @type {number} */ i) => body.every((row) => isDigits(row[i]));
  const columns = [...Array(width).keys()];
  if (width > 1 && body.length && body.every((row) => row.length === width) && columns.some(isColumn)) {
    const column = columns.find((i) => !isColumn(i));
    if (column === undefined) return [];
    const isHeader = columns.some((i) => isColumn(i) && !isDigits(rows[0][i]));
    return (isHeader ? body : rows).map((row) => row[column]).filter(Boolean);
  }
  const names = rows.flat().filter(Boolean);
  // Lines of several numbers are labels, as YOLO writes them, and no names.
  if (names.every((name) => /^[-+\d.e]+(\s+[-+\d.e]+)+$/i.test(name))) return [];
  // Numbers that count the lines are no part of the names: "1 nose", "2 tail".
  const numbered = names.map((name) => /^(\d+)\s+(\S.*)$/.exec(name));
  return numbered.every((found, i) => found && Number(found[1]) - Number(numbered[0]?.[1]) === i)
    ? numbered.map((found) => found?.[2] ?? "")
    : names;
}

/** @param {string[]} names @returns {Source} */
export const fromNames = (names) => ({ classes: names.map((label) => ({ label })) });

/** @param {any} value of JSON or YAML without a skeleton @returns {string} a sentence about what is missing; "" if unknown */
export function whyUnread(value) {
  const categories = list(value?.categories).filter((category) => Object.keys(category?.keypoints ?? {}).length);
  if (categories.length)
    return `Expected the keypoints of a COCO category as a list of names, got “${JSON.stringify(categories[0].keypoints).slice(0, 40)}”.`;
  if (list(value?.metadata?.bodyparts).length)
    return "This is DeepLabCut’s pytorch_config.yaml, which has no edges. Expected the project’s config.yaml.";
  return "";
}

/**
 * @param {any} value of JSON or YAML
 * @returns {Source[]} the skeletons in it, of any known tool; empty if no tool's format matches
 */
export function fromValue(value) {
  for (const read of [fromCoco, fromCvatLabels, fromDeepLabCut, fromYolo, fromSleapFile]) {
    const found = read(value);
    if (found.length) return found;
  }
  const names = inOrder(value);
  return names.length > 1 && areTexts(names) ? [fromNames(names)] : [];
}
