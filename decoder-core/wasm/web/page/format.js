// Numbers as a person reads them.

/** With a thin space between thousands: 58 352. */
export const grouped = (number) => String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, "\u202f");

/** With as many decimals as say something: 0.127, 1.53, 12.4, 318. */
export const rounded = (number) => {
  const decimals = number < 1 ? 3 : number < 10 ? 2 : number < 100 ? 1 : 0;
  return number.toFixed(decimals);
};

/** `part` of `all`, in whole hundredths: 0 and 100 only if it is none and all. */
export const percent = (part, all) => {
  const hundredths = Math.round((100 * part) / all);
  return String(part > 0 && part < all ? Math.min(Math.max(hundredths, 1), 99) : hundredths);
};

/** `1 frame`, `8 frames`. */
export const counted = (number, thing) => `${grouped(number)} ${thing}${number === 1 ? "" : "s"}`;
