declare module "*.css" {
  const text: string;
  export default text;
}

/** Where the labelling element's script of the same build is, seen from the skeleton creator's page. */
declare const ELEMENT: { src: string; integrity: string };
