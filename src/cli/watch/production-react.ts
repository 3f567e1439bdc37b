/** React that is made for developing keeps a record of every drawing, for as long as the process lives; which one is loaded, the environment says. */
export function useProductionReact(): void {
  process.env["NODE_ENV"] ??= "production";
}
