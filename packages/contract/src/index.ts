export * from "./columns.ts"
export * from "./manifest.ts"
export * from "./problem.ts"
export * from "./routes.ts"
