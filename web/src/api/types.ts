/** The API's types, as the client has them. */

export type { components, paths } from "../../client/src/types.js";
