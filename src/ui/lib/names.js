/**
 * Names of keypoints: their side, their pairs, and names that look alike. truepoint/pose/names.py has the same rules.
 */

/**
 * Words for the sides, left and right in turn: English, German and Dutch, French, Spanish, Italian, Portuguese. Endings
 * are left out: "linke" is also in "linkes".
 */
const WORDS =
  "left right links rechts linke rechte gauche droite gauche droit izquierd derech sinistr destr esquerd direit".split(
    " ",
  );
const ANY_CASE = [
  ...WORDS,
  ...WORDS.map((word) => word[0].toUpperCase() + word.slice(1)),
  ...WORDS.map((word) => word.toUpperCase()),
];
const WORD = ANY_CASE.join("|");
const FORMS = [...ANY_CASE, "l", "r", "L", "R"];
/**
 * A word for a side anywhere in a name (eyeleft, EYELEFT), a letter after a first one (fl_paw, HRpaw, pawFL), or at the
 * end (earl). It may also be a coincidence: bright, cleft, tail.
 */
const ANYWHERE = new RegExp(`${WORD}|(?<=^[a-z])[lr](?![a-z])|(?<=[A-Z])[LR](?![A-Z])|[lr]$`);
/**
 * Parts of a name that tell its side: left or right at the start of a word (left_hip, hip left, lefteye), capitalised
 * in or at the end of a word (ArmLeftUpper), a separate letter L or R (l_eye, eye.L), or a letter that a change of case
 * separates (LEye, lSho, eyeL, wingL1). "leftover" and "Rechteck" (a rectangle) tell no side.
 */
const SIDE = new RegExp(
  `(?:(?<![a-zA-Z])|(?=[A-Z][a-z]))(?:${WORD})(?!over|ck)|(?:(?<![a-zA-Z])[lrLR]|(?<=[a-z0-9])[LR])(?=[A-Z][a-z]|[^a-zA-Z]|$)`,
  "g",
);
/** A letter L or R glued to the word after it: lwing, Lwing, fLleg1. It may also be the start of a word: lip, leg. */
const GLUED = /(?<![a-zA-Z])[lrLR](?=[a-zA-Z])|(?<=[a-z])[LR](?=[a-z])/;
/** Consonants after a glued L or R. No English word that starts so has a counterpart with the other letter. */
const CONSONANT = /^[^aeiouy]/i;
/** The rest after a glued L or R if it starts with a vowel: "eye" and "ear" count, "ip" and "eg" do not. */
const LONG = /^[a-z]{3}/i;

const exchanged = (/** @type {string} */ word) => FORMS[FORMS.indexOf(word) ^ 1];

/** @param {string} name @returns {string} the name of its counterpart; empty for a name that tells no side */
export function otherSide(name) {
  const other = name.replace(SIDE, exchanged);
  return other === name ? "" : other;
}

/** @param {string} name @returns {"left" | "right" | ""} */
export function sideOf(name) {
  const word = name.match(SIDE)?.[0];
  return !word ? "" : FORMS.indexOf(word) % 2 ? "right" : "left";
}

/**
 * @param {string} name
 * @returns {boolean} whether the name certainly tells a side; a single letter before a number (L1) does not
 */
export const tellsSide = (name) =>
  (name.match(SIDE)?.[0].length ?? 0) > 1 || (sideOf(name) !== "" && /\p{L}/u.test(name.replace(SIDE, "")));

/** @param {string} a @param {string} b the other keypoint of a pair @returns {boolean} whether the first is the left one */
export function isLeftOf(a, b) {
  const [own, other] = [sideOf(a), sideOf(b)];
  if (own !== other) return own !== "right" && other !== "left";
  // The first letters that differ are r and l.
  return !/^(.*)r.*\n\1l/s.test(`${a}\n${b}`.toLowerCase());
}

/**
 * @param {string} name
 * @returns {string[]} names that its counterpart may have: with all sides exchanged (left_eye_left_corner), or only one
 */
function candidates(name) {
  const single = (name.match(SIDE) ?? []).map((_, n) => name.replace(SIDE, (word) => (n-- ? word : exchanged(word))));
  return [otherSide(name), ...single, name.replace(ANYWHERE, exchanged)];
}

/**
 * Find the pairs among names.
 * @param {string[]} names
 * @returns {number[]} the index of each name's counterpart, -1 for none
 */
export function pairsOf(names) {
  const lower = new Map(names.map((name, i) => [name.toLowerCase(), i]));
  const exact = new Map(names.map((name, i) => [name, i]));
  const pairs = names.map(() => -1);
  const find = (/** @type {number} */ i, /** @type {string} */ name) => {
    const j = exact.get(name) ?? lower.get(name.toLowerCase()) ?? i;
    return j !== i && pairs[i] < 0 && pairs[j] < 0 ? j : -1;
  };
  const join = (/** @type {number} */ i, /** @type {number} */ j) => {
    if (j >= 0) [pairs[i], pairs[j]] = [j, i];
  };
  names.forEach((name, i) => candidates(name).forEach((other) => join(i, find(i, other))));
  // One pair of glued letters may be a coincidence (lip, rip). A consonant or a second pair makes it certain.
  const glued = names.flatMap((name, i) => {
    const rest = name.slice(name.search(GLUED) + 1);
    const j = find(i, name.replace(GLUED, exchanged));
    const isSure = CONSONANT.test(rest);
    return j > i && (isSure || LONG.test(rest)) ? [{ i, j, isSure }] : [];
  });
  for (const { i, j, isSure } of glued) if (isSure || glued.length > 1) join(i, j);
  return pairs;
}

const SPACES = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000]+/g;
/** Unicode's default-ignorable, control and format characters. */
const UNSEEN =
  // eslint-disable-next-line no-control-regex, no-misleading-character-class
  /[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;

/**
 * @param {string} name
 * @returns {string} a key that is equal for names that differ only in case or invisible characters; empty for a name
 *     without visible characters
 */
export const nameKey = (name) =>
  name.replace(UNSEEN, "").replace(SPACES, " ").trim().normalize().toUpperCase().toLowerCase().normalize();
