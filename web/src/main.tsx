import "./style.css";
import { render } from "preact";
render(<p>askcsv</p>, document.getElementById("app")!);
