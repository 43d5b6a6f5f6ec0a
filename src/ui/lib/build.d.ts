declare module "*.css" {
  const text: string;
  export default text;
}

/** Digest of the later script. */
declare const LATER: string;

/** Languages beside the element, by tag: the tag and the script's digest. build.js puts them in. */
declare const LANGUAGES: Record<string, [name: string, integrity: string]>;

/** Where the labelling element's script of the same build is, seen from the skeleton creator's page. */
declare const ELEMENT: { src: string; integrity: string };
