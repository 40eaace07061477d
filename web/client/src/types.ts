// Made of docs/openapi.json by `npm run types`.
export interface paths {
    "/v1/widgets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The widgets that are served */
        get: operations["widgets"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/widgets/batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Several widgets at once */
        post: operations["batch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dashboard": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a page begins with */
        get: operations["dashboard"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dashboard/meta": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** When the data came, and what is connected */
        get: operations["meta"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dashboard/layout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The saved layout */
        get: operations["layout"];
        put?: never;
        /** Save the layout */
        post: operations["save_layout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/connections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The connected accounts */
        get: operations["connections"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/connections/{source}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Connect an account */
        put: operations["connect"];
        post?: never;
        /** Remove an account, or all of the source */
        delete: operations["disconnect"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sync/all/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sync now
         * @description Begins a sync of all connected accounts. While the user's job runs, it is the same job again.
         */
        post: operations["sync_now"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sync/job/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How far a sync is */
        get: operations["sync_job"];
        put?: never;
        post?: never;
        /**
         * Cancel a sync
         * @description What has arrived stays. A job that has ended stays as it is.
         */
        delete: operations["cancel_sync"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sync/cron": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The day's run for all users
         * @description A user is synced once per local date, whoever began it. Guarded by CRON_SECRET instead of a token.
         */
        post: operations["sync_cron"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What changes, as it changes
         * @description Events `catalog`, `data` and `sync`; the `data` of each is JSON, as described below. The first ones tell the current
         *     state, also after `Last-Event-ID`; the ones that follow, each change of it. The stream ends when the token expires.
         */
        get: operations["events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/insights": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What happened, in a few sentences */
        get: operations["insights"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The process lives */
        get: operations["healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Requests can be answered */
        get: operations["readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Counts and times for Prometheus */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/widgets/{key}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The answer of a widget */
        get: operations["widget"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/widgets/{key}/members/{dimension}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The members of a dimension, the largest first */
        get: operations["members"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/widgets/{key}/explain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the answer of a widget rests on */
        get: operations["explain"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * AppliedFilter
         * @description A filter that applies: any of the members of `filter`, none of `exclude`.
         */
        AppliedFilter: {
            /** Dimension */
            dimension: string;
            /** Filter */
            filter: string[];
            /** Exclude */
            exclude: string[];
        };
        /**
         * Batch
         * @description The answers by key; a problem in the place of one that there is not.
         */
        Batch: {
            /** Widgets */
            widgets: {
                [key: string]: components["schemas"]["Widget"] | components["schemas"]["Problem"];
            };
        };
        /**
         * BatchQuestion
         * @description Several widgets asked at once; the parameters are those of one widget.
         */
        BatchQuestion: {
            /**
             * Keys
             * @example [
             *       "ga4.sessions",
             *       "meta.roas"
             *     ]
             */
            keys: string[];
            /**
             * Start
             * Format: date
             */
            start?: string | null;
            /**
             * End
             * Format: date
             */
            end?: string | null;
            /**
             * Compare
             * @enum {string|null}
             */
            compare?: "off" | "previous_period" | "previous_year" | "previous_year_weekday" | "previous_month" | "custom" | null;
            /**
             * Compare Start
             * Format: date
             */
            compare_start?: string | null;
            /** Sources */
            sources?: string | null;
            /**
             * Grain
             * @enum {string|null}
             */
            grain?: "day" | "week" | "month" | "quarter" | "year" | null;
            /** Sort */
            sort?: string | null;
            /** Limit */
            limit?: number | null;
            /** Offset */
            offset?: number | null;
            /**
             * Filter
             * @example {
             *       "channel": [
             *         "Email"
             *       ]
             *     }
             */
            filter?: {
                [key: string]: string[];
            } | null;
            /** Exclude */
            exclude?: {
                [key: string]: string[];
            } | null;
        };
        /**
         * CatalogEvent
         * @description The served catalog: the hashes that changed, null for a widget that is gone, all of them if `complete`.
         */
        CatalogEvent: {
            /** Version */
            version: string;
            /** Hashes */
            hashes: {
                [key: string]: string | null;
            };
            /** Complete */
            complete: boolean;
            /** Diagnostics */
            diagnostics: components["schemas"]["RejectedEntry"][];
        };
        /**
         * Compare
         * @description The comparison of a period.
         * @enum {string}
         */
        Compare: "off" | "previous_period" | "previous_year" | "previous_year_weekday" | "previous_month" | "custom";
        /**
         * ComparedSeries
         * @description The compared period's points, aligned with the series by index; of `previous_month` by the calendar.
         */
        ComparedSeries: {
            /** Name */
            name: string;
            /** Points */
            points: components["schemas"]["Point"][];
        };
        /**
         * Comparison
         * @description The compared period.
         */
        Comparison: {
            /**
             * Start
             * Format: date
             */
            start: string;
            /**
             * End
             * Format: date
             */
            end: string;
            /** Series */
            series: components["schemas"]["ComparedSeries"][];
        };
        /**
         * ConnectionEntry
         * @description A connected account. Credentials never come out.
         */
        ConnectionEntry: {
            /** Source */
            source: string;
            /** Account Id */
            account_id: string;
            /** Status */
            status: string;
            /** Last Success At */
            last_success_at: string | null;
            /** Last Error */
            last_error: string | null;
        };
        /**
         * ConnectionList
         * @description The user's connected accounts.
         */
        ConnectionList: {
            /** Connections */
            connections: components["schemas"]["ConnectionEntry"][];
        };
        /**
         * ConnectionOptions
         * @description How an account is read: which action of Meta's counts as a conversion, and in which zone a post has its day.
         */
        ConnectionOptions: {
            /**
             * Conversion Action
             * @example lead
             */
            conversion_action?: string | null;
            /**
             * Time Zone
             * @example Pacific/Auckland
             */
            time_zone?: string | null;
        };
        /**
         * Dashboard
         * @description What a page needs beside the catalog before it asks for numbers.
         *
         *     The day is the one with which windows end by default.
         */
        Dashboard: {
            /** Last Sync At */
            last_sync_at: string | null;
            /** Next Scheduled At */
            next_scheduled_at: string | null;
            /** Connected Sources */
            connected_sources: {
                [key: string]: boolean;
            };
            /**
             * Last Complete Day
             * Format: date
             */
            last_complete_day: string;
            layout: components["schemas"]["Layout"];
        };
        /**
         * DashboardMeta
         * @description When the data came, when it comes again, and what is connected.
         */
        DashboardMeta: {
            /** Last Sync At */
            last_sync_at: string | null;
            /** Next Scheduled At */
            next_scheduled_at: string | null;
            /** Connected Sources */
            connected_sources: {
                [key: string]: boolean;
            };
        };
        /**
         * DataEvent
         * @description The version of the user's data: after it an answer may differ.
         */
        DataEvent: {
            /** Version */
            version: number;
        };
        /**
         * DimensionEntry
         * @description What a widget can be filtered by.
         */
        DimensionEntry: {
            /** Name */
            name: string;
            /** Title */
            title: string;
        };
        /**
         * Fault
         * @description One of several things that are wrong: a parameter by its name, a place in the body by its JSON pointer.
         */
        Fault: {
            /** Detail */
            detail: string;
            /** Parameter */
            parameter?: string;
            /** Pointer */
            pointer?: string;
        };
        /**
         * Grain
         * @description The width of a bucket; a week is ISO's and begins on Monday.
         * @enum {string}
         */
        Grain: "day" | "week" | "month" | "quarter" | "year";
        /**
         * InsightGroup
         * @description Sentences under one heading, the most important first: plain text of at most 240 characters each.
         */
        InsightGroup: {
            /**
             * Group
             * @enum {string}
             */
            group: "Cross-channel" | "Ads" | "Traffic" | "Content";
            /** Bullets */
            bullets: string[];
        };
        /**
         * InsightList
         * @description What happened, in a few sentences.
         */
        InsightList: {
            /** Items */
            items: components["schemas"]["InsightGroup"][];
            meta: components["schemas"]["InsightMeta"];
        };
        /**
         * InsightMeta
         * @description Who wrote the sentences, and over which data.
         *
         *     `dropped` counts what a language model answered and nothing offered it, by reason; `fallback` tells why the rules
         *     speak in its place.
         */
        InsightMeta: {
            /**
             * Generated By
             * @enum {string}
             */
            generated_by: "llm" | "rules";
            /** Dropped */
            dropped: {
                [key: string]: number;
            };
            /**
             * Start
             * Format: date
             */
            start: string;
            /**
             * End
             * Format: date
             */
            end: string;
            compare: components["schemas"]["Compare"];
            /** Sources */
            sources: string[];
            /** Fallback */
            fallback?: string;
            /**
             * Stale
             * @constant
             */
            stale?: true;
        } & {
            [key: string]: unknown;
        };
        /**
         * Item
         * @description A ranked thing, such as a post; its shown columns stand beside its values.
         */
        Item: {
            /** Id */
            id: string;
            /** Values */
            values: {
                [key: string]: number | null;
            };
        } & {
            [key: string]: unknown;
        };
        /**
         * Layout
         * @description A saved layout. `unknown` lists the ids that no longer name a widget.
         */
        Layout: {
            /** Widgets */
            widgets: components["schemas"]["LayoutWidget"][];
            /** Version */
            version?: number;
            /** Unknown */
            unknown?: string[];
        } & {
            [key: string]: unknown;
        };
        /**
         * LayoutWidget
         * @description A widget's place on the dashboard; every property but `id` is the frontend's own.
         */
        LayoutWidget: {
            /**
             * Id
             * @example ga4.sessions
             */
            id: string;
        } & {
            [key: string]: unknown;
        };
        /**
         * Meta
         * @description What was asked and what the answer rests on; `stale` where it is the last known while a database is away.
         */
        Meta: {
            /** Key */
            key: string;
            /** Title */
            title: string;
            /**
             * Format
             * @enum {string}
             */
            format: "integer" | "decimal" | "percent" | "currency" | "duration";
            /**
             * Decimals
             * @description How many decimals are shown; null leaves it to the frontend.
             */
            decimals: number | null;
            /**
             * Better
             * @enum {string}
             */
            better: "up" | "down" | "neutral";
            /**
             * Delta
             * @enum {string}
             */
            delta: "relative" | "absolute";
            grain: components["schemas"]["Grain"];
            /**
             * Start
             * Format: date
             */
            start: string;
            /**
             * End
             * Format: date
             */
            end: string;
            compare: components["schemas"]["Compare"];
            /** Total */
            total: string | null;
            /** Currency */
            currency: string | null;
            /** Sources */
            sources: string[];
            /** Missing Sources */
            missing_sources: string[];
            /** Data Through */
            data_through: string | null;
            /** Comparison Through */
            comparison_through: string | null;
            /** Provisional From */
            provisional_from: string | null;
            filters: components["schemas"]["MetaFilters"];
            /** Notes */
            notes: components["schemas"]["Note"][];
            /**
             * Receipt
             * @description The id by which `explain` tells later whether the number is still that.
             */
            receipt: string;
            /**
             * Stale
             * @constant
             */
            stale?: true;
        } & {
            [key: string]: unknown;
        };
        /**
         * MetaFilters
         * @description The filters that apply to the widget, and the dimensions of those that do not.
         */
        MetaFilters: {
            /** Applied */
            applied: components["schemas"]["AppliedFilter"][];
            /** Ignored */
            ignored: string[];
        };
        /**
         * NewConnection
         * @description An account to connect; without credentials its rows come from elsewhere.
         */
        NewConnection: {
            /**
             * Account Id
             * @description Digits, of Meta with `act_` before them; of a declared source any text.
             * @example 123456789
             * @example act_123456789
             */
            account_id: string;
            /** Credentials */
            credentials?: {
                [key: string]: unknown;
            } | null;
            options?: components["schemas"]["ConnectionOptions"] | null;
        };
        /**
         * NewLayout
         * @description A layout to save. `version` is the one last read; without it the last write wins.
         */
        NewLayout: {
            /** Widgets */
            widgets: components["schemas"]["LayoutWidget"][];
            /** Version */
            version?: number | null;
        } & {
            [key: string]: unknown;
        };
        /**
         * Note
         * @description Something to be known of an account's rows on some days: `late`, `disconnected`, `sampled` or another code.
         */
        Note: {
            /** Code */
            code: string;
            /** Source */
            source: string;
            /** Account */
            account: string;
            /**
             * From
             * Format: date
             */
            from: string;
            /**
             * To
             * Format: date
             */
            to: string;
        };
        /**
         * Point
         * @description A bucket of a series: its first day, and its value; null where the source has no data.
         *
         *     `partial` where the window cuts the bucket, and absent otherwise.
         */
        Point: {
            /**
             * T
             * Format: date
             */
            t: string;
            /** V */
            v: number | null;
            /**
             * Partial
             * @constant
             */
            partial?: true;
        };
        /**
         * Problem
         * @description An error (RFC 9457).
         */
        Problem: {
            /** Type */
            type: string;
            /** Title */
            title: string;
            /** Status */
            status: number;
            /** Detail */
            detail: string;
            /** Errors */
            errors?: components["schemas"]["Fault"][];
        } & {
            [key: string]: unknown;
        };
        /**
         * RejectedEntry
         * @description How often a problem is at a line of a rejected metric file; without a file, the files cannot be read.
         */
        RejectedEntry: {
            /** Code */
            code: string;
            /** Count */
            count: number;
            /** File */
            file: string | null;
            /** Line */
            line: number | null;
        };
        /**
         * Series
         * @description A named series: one point per bucket of the asked range, none missing.
         *
         *     `key`, `format`, `decimals`, `better` and `currency` are those of the metric that it comes from. A member of a
         *     breakdown has an `id`. `filtered` is false where a filter does not apply to it.
         */
        Series: {
            /** Name */
            name: string;
            /** Points */
            points: components["schemas"]["Point"][];
            /** Key */
            key: string;
            /**
             * Format
             * @enum {string}
             */
            format: "integer" | "decimal" | "percent" | "currency" | "duration";
            /**
             * Decimals
             * @description How many decimals are shown; null leaves it to the frontend.
             */
            decimals: number | null;
            /**
             * Better
             * @enum {string}
             */
            better: "up" | "down" | "neutral";
            /** Currency */
            currency: string | null;
            /** Id */
            id?: string;
            /**
             * Filtered
             * @constant
             */
            filtered?: false;
            stats: components["schemas"]["Stats"];
        };
        /**
         * SourceEntry
         * @description A source of the catalog, which requests and connections name.
         */
        SourceEntry: {
            /** Name */
            name: string;
            /** Title */
            title: string;
        };
        /**
         * Stats
         * @description The whole period's value, the compared period's, and the change; `to_date` where the period is unfinished.
         */
        Stats: {
            /** Value */
            value: number | null;
            /** Previous */
            previous: number | null;
            /** Delta */
            delta: number | null;
            to_date: components["schemas"]["ToDate"] | null;
        };
        /**
         * SyncAccount
         * @description One account of a job: its rows, what was passed over by reason, and notes on the rows.
         */
        SyncAccount: {
            /**
             * Status
             * @enum {string}
             */
            status: "queued" | "running" | "succeeded" | "partial" | "failed" | "cancelled" | "skipped";
            /** Rows */
            rows: number;
            /** Error */
            error: string | null;
            /** Skipped */
            skipped: {
                [key: string]: number;
            };
            /** Notes */
            notes?: string[];
        };
        /**
         * SyncJob
         * @description A sync; `detail` is what there is to say of the whole.
         */
        SyncJob: {
            /**
             * Id
             * Format: uuid
             */
            id: string;
            /**
             * Status
             * @enum {string}
             */
            status: "queued" | "running" | "succeeded" | "partial" | "failed" | "cancelled";
            /** Progress */
            progress: number;
            /**
             * Created At
             * Format: date-time
             */
            created_at: string;
            /** Started At */
            started_at: string | null;
            /** Finished At */
            finished_at: string | null;
            /** Sources */
            sources: {
                [key: string]: components["schemas"]["SyncSource"];
            };
            /** Detail */
            detail: string | null;
        };
        /**
         * SyncRun
         * @description The run of a local date; `started` unless all users were in it already.
         */
        SyncRun: {
            /**
             * Run Id
             * Format: uuid
             */
            run_id: string;
            /**
             * Date
             * Format: date
             */
            date: string;
            /** Started */
            started: boolean;
        };
        /**
         * SyncSource
         * @description One source of a job; `error` is a sentence for the user.
         */
        SyncSource: {
            /**
             * Status
             * @enum {string}
             */
            status: "queued" | "running" | "succeeded" | "partial" | "failed" | "cancelled" | "skipped";
            /** Rows */
            rows: number;
            /** Error */
            error: string | null;
            /** Accounts */
            accounts: {
                [key: string]: components["schemas"]["SyncAccount"];
            };
        };
        /**
         * SyncStarted
         * @description The job that is running now.
         */
        SyncStarted: {
            /**
             * Job Id
             * Format: uuid
             */
            job_id: string;
        };
        /**
         * TableColumn
         * @description A column of a table.
         */
        TableColumn: {
            /** Name */
            name: string;
            /**
             * Format
             * @enum {string}
             */
            format: "integer" | "decimal" | "percent" | "currency" | "duration";
            /**
             * Decimals
             * @description How many decimals are shown; null leaves it to the frontend.
             */
            decimals: number | null;
            /**
             * Better
             * @enum {string}
             */
            better: "up" | "down" | "neutral";
            /** Currency */
            currency: string | null;
        };
        /**
         * TableRow
         * @description A member: its name, the currency of its amounts, and the figures of each column by its name.
         */
        TableRow: {
            /** Id */
            id: string;
            /** Label */
            label: string;
            /** Currency */
            currency: string | null;
            /** Values */
            values: {
                [key: string]: components["schemas"]["Stats"];
            };
        };
        /**
         * ToDate
         * @description The same over the days up to `through`, and those of the compared period opposite to them.
         */
        ToDate: {
            /**
             * Through
             * Format: date
             */
            through: string;
            /** Value */
            value: number | null;
            /** Previous */
            previous: number | null;
            /** Delta */
            delta: number | null;
        };
        /**
         * Widget
         * @description The answer of a widget; `table` where it has columns.
         */
        Widget: {
            /** Series */
            series: components["schemas"]["Series"][];
            stats: components["schemas"]["Stats"];
            comparison?: components["schemas"]["Comparison"];
            /** Items */
            items: components["schemas"]["Item"][];
            /** @description Present where the metric has a target; null where it says nothing of these rows. */
            target?: components["schemas"]["WidgetTarget"] | null;
            /** Table */
            table?: components["schemas"]["WidgetTable"];
            meta: components["schemas"]["Meta"];
        };
        /**
         * WidgetCatalog
         * @description All the widgets that are served, and all sources, connected or not.
         */
        WidgetCatalog: {
            /** Widgets */
            widgets: components["schemas"]["WidgetEntry"][];
            /** Sources */
            sources: components["schemas"]["SourceEntry"][];
        };
        /**
         * WidgetEntry
         * @description A widget of the catalog.
         */
        WidgetEntry: {
            /** Key */
            key: string;
            /** Title */
            title: string;
            /** Description */
            description: string;
            /** Sources */
            sources: string[];
            /**
             * Format
             * @enum {string}
             */
            format: "integer" | "decimal" | "percent" | "currency" | "duration";
            /**
             * Decimals
             * @description How many decimals are shown; null leaves it to the frontend.
             */
            decimals: number | null;
            /**
             * Better
             * @enum {string}
             */
            better: "up" | "down" | "neutral";
            /** Chart */
            chart: string | null;
            /**
             * By
             * @description The dimension or column that the widget is broken down by.
             */
            by: string | null;
            /**
             * Columns
             * @description The columns of a table, by which its rows can be sorted.
             */
            columns?: string[];
            /**
             * Rows
             * @description The dimension or column whose members are the rows of a table.
             */
            rows?: string;
            /**
             * Sort
             * @description The order of a table's rows, as a request may name it.
             */
            sort?: string;
            /**
             * Items
             * @description What is told of each item of a widget that ranks items.
             */
            items?: string[];
            /** Grains */
            grains: components["schemas"]["Grain"][];
            /**
             * Group
             * @description The section of a page that the widget belongs to.
             */
            group: string | null;
            /**
             * Position
             * @description The widget's place in its section, the least first.
             */
            position: number | null;
            /**
             * Delta
             * @enum {string}
             */
            delta: "relative" | "absolute";
            /**
             * Dimensions
             * @description What the widget can be filtered by.
             */
            dimensions: components["schemas"]["DimensionEntry"][];
            /**
             * Breakdowns
             * @description The dimensions that a request may break the widget down by (`by`).
             */
            breakdowns: string[];
            /**
             * Hash
             * @description A digest that changes with the definition, but not with titles and comments.
             */
            hash: string;
        } & {
            [key: string]: unknown;
        };
        /**
         * WidgetTable
         * @description A table: `total` is over all rows, `count` tells how many there are before `limit`.
         */
        WidgetTable: {
            /** Columns */
            columns: components["schemas"]["TableColumn"][];
            /** Rows */
            rows: components["schemas"]["TableRow"][];
            /** Total */
            total: {
                [key: string]: components["schemas"]["Stats"];
            };
            /** Count */
            count: number;
        };
        /**
         * WidgetTarget
         * @description What the widget should come to: in its buckets, its window, and the window's days up to `data_through`.
         *
         *     `progress` is the window's value as a share of `value`; `projected` is what it comes to if it goes on as it did.
         */
        WidgetTarget: {
            /** Series */
            series: components["schemas"]["Point"][];
            /** Value */
            value: number | null;
            /** Due */
            due: number | null;
            /** Progress */
            progress: number | null;
            /** Projected */
            projected: number | null;
        };
        /**
         * MemberEntry
         * @description A member of a dimension: what a filter names, what is shown, and its value over the window.
         */
        MemberEntry: {
            /** Id */
            id: string;
            /** Label */
            label: string;
            /** Value */
            value: number | null;
        };
        /**
         * MemberList
         * @description The members of a dimension, the largest first.
         */
        MemberList: {
            /** Members */
            members: components["schemas"]["MemberEntry"][];
        };
        /**
         * ExplainedDefinition
         * @description The definition of the widget, and the digest of what it means.
         */
        ExplainedDefinition: {
            /** File */
            file: string | null;
            /** Line */
            line: number | null;
            /** Text */
            text: string | null;
            /** Hash */
            hash: string;
        };
        /**
         * ExplainedExtent
         * @description The days that are known of a table; null where it has no rows.
         */
        ExplainedExtent: {
            /** Table */
            table: string;
            /** First */
            first: string | null;
            /** Through */
            through: string | null;
        };
        /**
         * ExplainedQuery
         * @description What was asked; `sources` are those of the widget that are on.
         */
        ExplainedQuery: {
            /**
             * Start
             * Format: date
             */
            start: string;
            /**
             * End
             * Format: date
             */
            end: string;
            compare: components["schemas"]["Compare"];
            /** Compare Start */
            compare_start: string | null;
            grain: components["schemas"]["Grain"];
            /** Sources */
            sources: string[];
            /** By */
            by: string | null;
            /** Top */
            top: number | null;
        };
        /**
         * ExplainedStatement
         * @description A statement, what was bound to it, and where its rows came from.
         */
        ExplainedStatement: {
            /** Table */
            table: string;
            /** Statement */
            statement: string;
            /** Parameters */
            parameters: {
                [key: string]: unknown;
            };
            cache: components["schemas"]["RowsState"];
        };
        /**
         * ReceiptDifference
         * @description One thing that is not as it was, and what that means.
         */
        ReceiptDifference: {
            /** What */
            what: string;
            /** Detail */
            detail: string;
        };
        /**
         * ReceiptVerdict
         * @description Whether the number of a receipt is still that, and what is not as it was.
         */
        ReceiptVerdict: {
            /** Id */
            id: string;
            /** Same */
            same: boolean;
            /** Changed */
            changed: components["schemas"]["ReceiptDifference"][];
        };
        /**
         * RowsState
         * @description Where a statement's rows came from, and how old they are.
         */
        RowsState: {
            /**
             * State
             * @enum {string}
             */
            state: "hit" | "miss" | "stale";
            /** Age Seconds */
            age_seconds: number;
        };
        /**
         * UsedDefinition
         * @description The definition of a table or a metric that the widget is made of.
         */
        UsedDefinition: {
            /** File */
            file: string | null;
            /** Line */
            line: number | null;
            /** Text */
            text: string | null;
            /**
             * Table
             * @default null
             */
            table: string;
            /**
             * Metric
             * @default null
             */
            metric: string;
        };
        /**
         * Explanation
         * @description What the answer of a widget rests on; `receipt` where one was given to compare with.
         */
        Explanation: {
            /** Id */
            id: string;
            /** Key */
            key: string;
            /** Title */
            title: string;
            stats: components["schemas"]["Stats"];
            definition: components["schemas"]["ExplainedDefinition"];
            /** Uses */
            uses: components["schemas"]["UsedDefinition"][];
            query: components["schemas"]["ExplainedQuery"];
            filters: components["schemas"]["MetaFilters"];
            /** Statements */
            statements: components["schemas"]["ExplainedStatement"][];
            /** Extent */
            extent: components["schemas"]["ExplainedExtent"][];
            /** Data Through */
            data_through: string | null;
            /** Data Version */
            data_version: number;
            /**
             * Receipt
             * @default null
             */
            receipt: components["schemas"]["ReceiptVerdict"];
        } & {
            [key: string]: unknown;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    widgets: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WidgetCatalog"];
                };
            };
            /** @description no token, or one that is not valid here */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description a parameter or the body is wrong; `errors` names each place */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too many requests, where the installation sets a limit */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    batch: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BatchQuestion"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Batch"];
                    "text/csv": string;
                    "application/vnd.apache.arrow.stream": string;
                };
            };
            /** @description no token, or one that is not valid here */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description only a form is accepted whose package is not installed; it is named */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too many requests, where the installation sets a limit */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    dashboard: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Dashboard"];
                };
            };
            /** @description no token, or one that is not valid here */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description a parameter or the body is wrong; `errors` names each place */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too many requests, where the installation sets a limit */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    meta: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DashboardMeta"];
                };
            };
            /** @description no token, or one that is not valid here */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description a parameter or the body is wrong; `errors` names each place */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too many requests, where the installation sets a limit */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    layout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Layout"];
                };
            };
            /** @description no token, or one that is not valid here */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description a parameter or the body is wrong; `errors` names each place */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too many requests, where the installation sets a limit */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    save_layout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewLayout"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Layout"];
                };
            };
            /** @description no token, or one that is not valid here */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description saved elsewhere since; `layout` is the current one */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too many requests, where the installation sets a limit */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    connections: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConnectionList"];
                };
            };
            /** @description no token, or one that is not valid here */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description a parameter or the body is wrong; `errors` names each place */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too many requests, where the installation sets a limit */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    connect: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                source: "ga4" | "instagram" | "meta";
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewConnection"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConnectionEntry"];
                };
            };
            /** @description no token, or one that is not valid here */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description no source of that name */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description loaded rows without an account stand where the sync would put this one's; no key to keep credentials under; or as many accounts as are allowed */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too many requests, where the installation sets a limit */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    disconnect: {
        parameters: {
            query?: {
                account_id?: string | null;
            };
            header?: never;
            path: {
                source: "ga4" | "instagram" | "meta";
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description no token, or one that is not valid here */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description no source of that name */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too many requests, where the installation sets a limit */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sync_now: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SyncStarted"];
                };
            };
            /** @description no token, or one that is not valid here */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description a parameter or the body is wrong; `errors` names each place */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too many requests, where the installation sets a limit */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sync_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SyncJob"];
                };
            };
            /** @description no token, or one that is not valid here */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description no sync job of that id */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too many requests, where the installation sets a limit */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cancel_sync: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SyncJob"];
                };
            };
            /** @description no token, or one that is not valid here */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description no sync job of that id */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too many requests, where the installation sets a limit */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sync_cron: {
        parameters: {
            query?: never;
            header?: {
                "x-cron-secret"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SyncRun"];
                };
            };
            /** @description the secret is missing or wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CRON_SECRET is not set */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description ten wrong secrets in a minute from one address */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    events: {
        parameters: {
            query?: never;
            header?: {
                "last-event-id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string | components["schemas"]["CatalogEvent"] | components["schemas"]["DataEvent"] | components["schemas"]["SyncJob"];
                };
            };
            /** @description no token, or one that is not valid here */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too many requests, where the installation sets a limit */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    insights: {
        parameters: {
            query?: {
                /** @description The first day; with `end`, or neither for the last 28 complete days. */
                start?: string;
                /** @description The last day, at most 1,100 days with the first. */
                end?: string;
                /** @description What the period is compared with. */
                compare?: "off" | "previous_period" | "previous_year" | "previous_year_weekday" | "previous_month" | "custom";
                /** @description The first day of the comparison; with `compare=custom`, and only then. */
                compare_start?: string;
                /** @description The sources that are switched on, by commas; every connected one by default. */
                sources?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InsightList"];
                };
            };
            /** @description The client holds exactly this answer (`If-None-Match`) */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description no token, or one that is not valid here */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description a parameter or the body is wrong; `errors` names each place */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too many requests, where the installation sets a limit */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: string;
                    };
                };
            };
        };
    };
    readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Service Unavailable */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    widget: {
        parameters: {
            query?: {
                /** @description The first day; with `end`, or neither for the last 28 complete days. */
                start?: string;
                /** @description The last day, at most 1,100 days with the first. */
                end?: string;
                /** @description What the period is compared with. */
                compare?: "off" | "previous_period" | "previous_year" | "previous_year_weekday" | "previous_month" | "custom";
                /** @description The first day of the comparison; with `compare=custom`, and only then. */
                compare_start?: string;
                /** @description The width of a bucket; weeks begin on Monday. */
                grain?: "day" | "week" | "month" | "quarter" | "year";
                /** @description The sources that are switched on, by commas; every connected one by default. */
                sources?: string;
                /** @description The dimension to break down by, of a widget of one series. */
                by?: "ad_account" | "campaign" | "channel" | "ig_account" | "landing_page" | "media_type" | "property";
                /** @description How many members are shown; the others are `Other`. */
                top?: number;
                /** @description Ad account: any of these members; `(not set)` is NULL. */
                "filter.ad_account"?: string[];
                /** @description Ad account: none of these members; `(not set)` is NULL. */
                "exclude.ad_account"?: string[];
                /** @description Campaign: any of these members; `(not set)` is NULL. */
                "filter.campaign"?: string[];
                /** @description Campaign: none of these members; `(not set)` is NULL. */
                "exclude.campaign"?: string[];
                /** @description Channel: any of these members; `(not set)` is NULL. */
                "filter.channel"?: string[];
                /** @description Channel: none of these members; `(not set)` is NULL. */
                "exclude.channel"?: string[];
                /** @description Instagram account: any of these members; `(not set)` is NULL. */
                "filter.ig_account"?: string[];
                /** @description Instagram account: none of these members; `(not set)` is NULL. */
                "exclude.ig_account"?: string[];
                /** @description Landing page: any of these members; `(not set)` is NULL. */
                "filter.landing_page"?: string[];
                /** @description Landing page: none of these members; `(not set)` is NULL. */
                "exclude.landing_page"?: string[];
                /** @description Media type: any of these members; `(not set)` is NULL. */
                "filter.media_type"?: string[];
                /** @description Media type: none of these members; `(not set)` is NULL. */
                "exclude.media_type"?: string[];
                /** @description Property: any of these members; `(not set)` is NULL. */
                "filter.property"?: string[];
                /** @description Property: none of these members; `(not set)` is NULL. */
                "exclude.property"?: string[];
            };
            header?: never;
            path: {
                /** @example ga4.sessions */
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    ETag?: string;
                    /** @description `Accept` chooses the form. */
                    Vary?: string;
                    "X-Cache"?: "hit" | "miss";
                    /** @description Seconds, where the answer is stale. */
                    Age?: string;
                    /** @description `110 - "Response is Stale"`, where the answer is stale. */
                    Warning?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Widget"];
                    "text/csv": string;
                    "application/vnd.apache.arrow.stream": string;
                };
            };
            /** @description The client holds exactly this answer (`If-None-Match`) */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description no token, or one that is not valid here */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description no widget of that key; the nearest are named */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description only a form is accepted whose package is not installed; it is named */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description a parameter or the body is wrong; `errors` names each place */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too many requests, where the installation sets a limit */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    members: {
        parameters: {
            query?: {
                /** @description The first day; with `end`, or neither for the last 28 complete days. */
                start?: string;
                /** @description The last day, at most 1,100 days with the first. */
                end?: string;
                /** @description The sources that are switched on, by commas; every connected one by default. */
                sources?: string;
                /** @description A part of the id or of the label, blind to case. */
                search?: string;
                /** @description How many members are listed. */
                limit?: number;
                /** @description Ad account: any of these members; `(not set)` is NULL. */
                "filter.ad_account"?: string[];
                /** @description Ad account: none of these members; `(not set)` is NULL. */
                "exclude.ad_account"?: string[];
                /** @description Campaign: any of these members; `(not set)` is NULL. */
                "filter.campaign"?: string[];
                /** @description Campaign: none of these members; `(not set)` is NULL. */
                "exclude.campaign"?: string[];
                /** @description Channel: any of these members; `(not set)` is NULL. */
                "filter.channel"?: string[];
                /** @description Channel: none of these members; `(not set)` is NULL. */
                "exclude.channel"?: string[];
                /** @description Instagram account: any of these members; `(not set)` is NULL. */
                "filter.ig_account"?: string[];
                /** @description Instagram account: none of these members; `(not set)` is NULL. */
                "exclude.ig_account"?: string[];
                /** @description Landing page: any of these members; `(not set)` is NULL. */
                "filter.landing_page"?: string[];
                /** @description Landing page: none of these members; `(not set)` is NULL. */
                "exclude.landing_page"?: string[];
                /** @description Media type: any of these members; `(not set)` is NULL. */
                "filter.media_type"?: string[];
                /** @description Media type: none of these members; `(not set)` is NULL. */
                "exclude.media_type"?: string[];
                /** @description Property: any of these members; `(not set)` is NULL. */
                "filter.property"?: string[];
                /** @description Property: none of these members; `(not set)` is NULL. */
                "exclude.property"?: string[];
            };
            header?: never;
            path: {
                /** @example ga4.sessions */
                key: string;
                /** @example property */
                dimension: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The members */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MemberList"];
                };
            };
            /** @description The client holds exactly this answer (`If-None-Match`) */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description no token, or one that is not valid here */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description no widget of that key; the nearest are named */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description a parameter or the body is wrong; `errors` names each place */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too many requests, where the installation sets a limit */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    explain: {
        parameters: {
            query?: {
                /** @description The first day; with `end`, or neither for the last 28 complete days. */
                start?: string;
                /** @description The last day, at most 1,100 days with the first. */
                end?: string;
                /** @description What the period is compared with. */
                compare?: "off" | "previous_period" | "previous_year" | "previous_year_weekday" | "previous_month" | "custom";
                /** @description The first day of the comparison; with `compare=custom`, and only then. */
                compare_start?: string;
                /** @description The width of a bucket; weeks begin on Monday. */
                grain?: "day" | "week" | "month" | "quarter" | "year";
                /** @description The sources that are switched on, by commas; every connected one by default. */
                sources?: string;
                /** @description The dimension to break down by, of a widget of one series. */
                by?: "ad_account" | "campaign" | "channel" | "ig_account" | "landing_page" | "media_type" | "property";
                /** @description How many members are shown; the others are `Other`. */
                top?: number;
                /** @description Ad account: any of these members; `(not set)` is NULL. */
                "filter.ad_account"?: string[];
                /** @description Ad account: none of these members; `(not set)` is NULL. */
                "exclude.ad_account"?: string[];
                /** @description Campaign: any of these members; `(not set)` is NULL. */
                "filter.campaign"?: string[];
                /** @description Campaign: none of these members; `(not set)` is NULL. */
                "exclude.campaign"?: string[];
                /** @description Channel: any of these members; `(not set)` is NULL. */
                "filter.channel"?: string[];
                /** @description Channel: none of these members; `(not set)` is NULL. */
                "exclude.channel"?: string[];
                /** @description Instagram account: any of these members; `(not set)` is NULL. */
                "filter.ig_account"?: string[];
                /** @description Instagram account: none of these members; `(not set)` is NULL. */
                "exclude.ig_account"?: string[];
                /** @description Landing page: any of these members; `(not set)` is NULL. */
                "filter.landing_page"?: string[];
                /** @description Landing page: none of these members; `(not set)` is NULL. */
                "exclude.landing_page"?: string[];
                /** @description Media type: any of these members; `(not set)` is NULL. */
                "filter.media_type"?: string[];
                /** @description Media type: none of these members; `(not set)` is NULL. */
                "exclude.media_type"?: string[];
                /** @description Property: any of these members; `(not set)` is NULL. */
                "filter.property"?: string[];
                /** @description Property: none of these members; `(not set)` is NULL. */
                "exclude.property"?: string[];
                /** @description A `meta.receipt` of this widget: is the number still that? Without `start` and `end`, its own days are meant. */
                receipt?: string;
            };
            header?: never;
            path: {
                /** @example ga4.sessions */
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The receipt */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Explanation"];
                };
            };
            /** @description The client holds exactly this answer (`If-None-Match`) */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description no token, or one that is not valid here */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description no widget of that key; the nearest are named */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description a parameter or the body is wrong; `errors` names each place */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too many requests, where the installation sets a limit */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description the warehouse or the state database does not answer; try again after `Retry-After` seconds */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
