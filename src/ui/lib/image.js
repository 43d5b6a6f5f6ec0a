/** The image: its address, and the size of its file. */

/**
 * A line break in a file's name is part of the address; URLs would lose it.
 * @param {string | null} src
 */
export const urlOf = (src) => (src ?? "").trim().replace(/[\t\n\r]/g, encodeURIComponent);

const hint = Object.assign(document.createElement("link"), { rel: "preload", as: "image" });

/**
 * Request an image now: an `img` that a script makes requests it only when that script has ended.
 * @param {string} url
 */
export function request(url) {
  if (!url || /^(data|blob):/i.test(url)) return;
  hint.href = url;
  document.head.append(hint);
}

/**
 * Return the pixels of the file, turned upright. An image's natural size is divided by the density that its EXIF data state;
 * a bitmap of it is not, except in Firefox 153.
 * @param {HTMLImageElement} img that is loaded
 * @returns {Promise<import("./types.js").Size>}
 */
export const pixelsOf = (img) =>
  createImageBitmap(img).then(
    (bitmap) => {
      const { width, height } = bitmap;
      bitmap.close();
      return { width, height };
    },
    () => ({ width: img.naturalWidth, height: img.naturalHeight }),
  );
