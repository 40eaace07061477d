/** The elements for pages of others: `<metric-widget>` and `<metric-dashboard>`. */

import { MetricDashboard } from "./dashboard";
import { MetricWidget } from "./widget";

export { configure } from "./connection";
export { MetricDashboard, MetricWidget };

for (const [name, element] of [["metric-widget", MetricWidget], ["metric-dashboard", MetricDashboard]] as const) {
  if (customElements.get(name) === undefined) customElements.define(name, element);
}
