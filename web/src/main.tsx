import "./style.css";
import "./runs.css";
import { render } from "preact";
import { App, start } from "./app.tsx";
import { watch } from "./connection.ts";

render(<App />, document.getElementById("app")!);
watch();
void start();
