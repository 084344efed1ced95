/* The style of the report of one file: light and dark by the reader's choice, and fit for paper. */
#ifndef LEASTPORT_AUDITD_EXPORT_HTML_STYLE_H
#define LEASTPORT_AUDITD_EXPORT_HTML_STYLE_H

static const char html_style[] =
    ":root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--rule:#c9d1d9;--soft:#57606a;--head:#f3f5f7}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--rule:#3d444d;--soft:#9da7b3;--head:#"
    "161b22}}"
    "body{margin:0 auto;max-width:75rem;padding:1rem;background:var(--paper);color:var(--ink);"
    "font:1rem/1.45 system-ui,sans-serif}"
    "h1,h2{line-height:1.2}.score{font-size:1.2rem}"
    "table{border-collapse:collapse;width:100%;margin:0 0 1.5rem}.counts{width:auto}"
    "caption{text-align:left;color:var(--soft);padding:.25rem 0}"
    "th,td{border-bottom:1px solid var(--rule);padding:.35rem .6rem;text-align:left;vertical-align:top;"
    "overflow-wrap:anywhere}thead th{background:var(--head)}td p{margin:.25rem 0}"
    ".n{white-space:nowrap;text-align:right;font-variant-numeric:tabular-nums}.small{color:var(--soft);font-size:."
    "875rem}"
    "tr.critical>th,tr.high>th{font-weight:800;text-transform:uppercase}tr.low>th{font-weight:400}"
    "@media print{:root{--ink:#000;--paper:#fff;--rule:#999;--soft:#333;--head:#eee}body{max-width:none;padding:0;"
    "font-size:9pt}thead{display:table-header-group}tr{break-inside:avoid}h2{break-after:avoid}}";

#endif
