/** The image: its address and its size in pixels. */

/**
 * Return the image's URL. Line breaks and tabs in a file's name are escaped, because URL parsing would remove them.
 * @param {string | null} src
 */
export const urlOf = (src) => (src ?? "").trim().replace(/[\t\n\r]/g, encodeURIComponent);

const hint = Object.assign(document.createElement("link"), { rel: "preload", as: "image" });

/**
 * Request an image now. An `img` that a script creates requests its image only when the script has ended.
 * @param {string} url
 */
export function request(url) {
  if (!url || /^(data|blob):/i.test(url)) return;
  hint.href = url;
  document.head.append(hint);
}

/**
 * Return the size of the file in pixels, after its EXIF rotation. An image's natural size is divided by the pixel
 * density in its EXIF data. A bitmap's size is not, except in Firefox 153. Making a bitmap decodes the whole image.
 * Chromium makes no bitmap of a file that is cut off, although it shows the part that it has.
 * @param {HTMLImageElement} img a loaded image
 * @returns {Promise<import("./types.js").Size & {isPartial?: boolean}>}
 */
export const pixelsOf = (img) =>
  createImageBitmap(img).then(
    (bitmap) => {
      const { width, height } = bitmap;
      bitmap.close();
      return { width, height };
    },
    () => ({ width: img.naturalWidth, height: img.naturalHeight, isPartial: true }),
  );
