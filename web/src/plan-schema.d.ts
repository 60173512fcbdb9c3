// esbuild reads it from schemas/; tools/web-check has the sources of the page alone.
declare module "*/query-plan.v1.json" {
  const schema: unknown;
  export default schema;
}
