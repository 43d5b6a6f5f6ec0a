declare module "*.css" {
  const text: string;
  export default text;
}

/** Languages beside the element, by tag: the tag and the script's digest. build.js puts them in. */
declare const LANGUAGES: Record<string, [name: string, integrity: string]>;
