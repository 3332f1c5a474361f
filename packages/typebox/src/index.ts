/** What the workspace uses of TypeBox. At run time this is one file, made of all of its modules by the build. */
export {
  default,
  type Static,
  type StaticDecode,
  type TObject,
  type TSchema,
  type TUnion,
} from "typebox"
export { Compile } from "typebox/compile"
export { Check, Errors, Value } from "typebox/value"
