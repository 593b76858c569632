// SPDX-License-Identifier: Apache-2.0
#include "src/report/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "steepest/output_file.hpp"
#include "steepest/version.hpp"

namespace steepest::report {

extern const std::string_view chart_library;  // Chart.js
extern const std::string_view chart_script;   // charts.js
extern const std::string_view style_sheet;    // page.css

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

// Bytes of the UTF-8 character at the front of `text`; 0 where there is none.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80                     ? 1
                             : first >= 0xC2 && first <= 0xDF ? 2
                             : first >= 0xE0 && first <= 0xEF ? 3
                             : first >= 0xF0 && first <= 0xF4 ? 4
                                                              : 0;
  if (length == 0 || length > text.size()) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) {
      return 0;
    }
  }
  const bool too_long = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool outside = (first == 0xED && byte(1) > 0x9F) || (first == 0xF4 && byte(1) > 0x8F);
  return too_long || outside ? 0 : length;
}

std::string tag(std::string_view name, std::string_view text, std::string_view style = "") {
  return fmt::format("<{}{}>{}</{}>\n", name,
                     style.empty() ? "" : fmt::format(" class=\"{}\"", style), escape_html(text),
                     name);
}

std::string bytes_text(std::int64_t bytes) { return count_text(bytes) + " bytes"; }

std::string settings(const RunFacts& facts) {
  std::string html = "<h2>How this page was made</h2>\n<dl>\n";
  const auto add = [&html](std::string_view label, std::string_view text) {
    html += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escape_html(label), escape_html(text));
  };
  html += fmt::format("<dt>command line</dt><dd><code>{}</code></dd>\n",
                      escape_html(facts.command_line));
  for (const InputFile& file : facts.inputs) {
    html += fmt::format("<dt>data</dt><dd>{}: {}<br><code>{}</code></dd>\n", escape_html(file.path),
                        file.sha256.empty() ? "cannot be read again" : bytes_text(file.bytes),
                        file.sha256.empty() ? "no hash" : "SHA-256 " + file.sha256);
  }
  add("device", facts.device);
  add("version", std::string("steepest ") + version);
  return html + "</dl>\n";
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const char c = text.front();
    const bool control =
        length == 1 &&
        ((static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\t') || c == '\x7f');
    if (length == 0 || control) {
      safe += replacement;
    } else if (c == '&') {
      safe += "&amp;";
    } else if (c == '<') {
      safe += "&lt;";
    } else if (c == '>') {
      safe += "&gt;";
    } else if (c == '"') {
      safe += "&quot;";
    } else if (c == '\'') {
      safe += "&#39;";
    } else {
      safe += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return safe;
}

std::string script_json(const Json& json) {
  const std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {  // only inside of strings, where an escape means the same
    safe += c == '<'   ? std::string("\\u003c")
            : c == '>' ? std::string("\\u003e")
            : c == '&' ? std::string("\\u0026")
                       : std::string(1, c);
  }
  return safe;
}

std::string number_text(double value) {
  if (!std::isfinite(value)) {
    return "\xE2\x80\x94";
  }
  return fmt::format("{:.6g}", value);
}

std::string count_text(std::int64_t count) {
  std::string text = fmt::format("{}", count);
  const std::size_t first = count < 0 ? 1 : 0;
  for (std::size_t at = text.size(); at > first + 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

Page::Page(std::string title, std::string subtitle)
    : title_(std::move(title)), subtitle_(std::move(subtitle)) {}

void Page::lead(std::string_view text, std::string_view mood) {
  body_ += tag("p", text, mood.empty() ? "lead" : fmt::format("lead {}", mood));
}

void Page::section(std::string_view title) { body_ += tag("h2", title); }
void Page::paragraph(std::string_view text) { body_ += tag("p", text); }
void Page::note(std::string_view text) { body_ += tag("p", text, "note"); }
void Page::command(std::string_view text) { body_ += tag("pre", text); }

void Page::table(const Table& table) {
  body_ += "<div class=\"scroll\" tabindex=\"0\">\n<table>\n";
  if (!table.caption.empty()) {
    body_ += tag("caption", table.caption);
  }
  const auto style = [&table](std::size_t column) {
    return column < table.is_number.size() && table.is_number[column] ? "number" : "";
  };
  body_ += "<thead><tr>";
  for (std::size_t i = 0; i < table.head.size(); ++i) {
    body_ += tag("th", table.head[i], style(i));
  }
  body_ += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    body_ += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      body_ += tag("td", row[i], style(i));
    }
    body_ += "</tr>\n";
  }
  body_ += "</tbody>\n</table>\n</div>\n";
}

void Page::facts(const std::vector<std::pair<std::string, std::string>>& facts) {
  body_ += "<dl>\n";
  for (const auto& [label, text] : facts) {
    body_ += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escape_html(label), escape_html(text));
  }
  body_ += "</dl>\n";
}

void Page::begin_charts() { body_ += "<div class=\"charts\">\n"; }
void Page::end_charts() { body_ += "</div>\n"; }

void Page::chart(std::string_view title, const Json& chart, std::string_view note) {
  body_ += fmt::format(
      "<figure class=\"chart\">\n<figcaption>{0}</figcaption>\n<div class=\"controls\"></div>\n"
      "<div class=\"plot\"><canvas role=\"img\" aria-label=\"{0}\"></canvas></div>\n"
      "<div class=\"legend\"></div>\n",
      escape_html(title));
  if (!note.empty()) {
    body_ += tag("p", note, "note");
  }
  body_ += "<script type=\"application/json\">" + script_json(chart) + "</script>\n</figure>\n";
}

void Page::heat_table(std::string_view caption, const std::vector<std::string>& names,
                      const std::vector<double>& counts) {
  constexpr double strong = 0.6;
  body_ += "<div class=\"scroll\" tabindex=\"0\">\n<table class=\"heat\">\n" +
           tag("caption", caption) + "<thead><tr><th></th>";
  for (const std::string& name : names) {
    body_ += tag("th", name);
  }
  body_ += "</tr></thead>\n<tbody>\n";
  const std::size_t n = names.size();
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = counts.begin() + static_cast<std::ptrdiff_t>(i * n);
    double sum = 0.0;
    std::for_each(row, row + static_cast<std::ptrdiff_t>(n), [&sum](double c) { sum += c; });
    body_ += "<tr>" + tag("th", names[i]);
    for (std::size_t j = 0; j < n; ++j) {
      const double count = counts[i * n + j];
      const double share = sum > 0.0 ? count / sum : 0.0;
      body_ += fmt::format("<td{} style=\"--share:{:.3f}\" title=\"{:.1f} % of the row\">{}</td>",
                           share > strong ? " class=\"strong\"" : "", 0.9 * share, 100.0 * share,
                           count > 0.0 ? escape_html(number_text(count)) : "");
    }
    body_ += "</tr>\n";
  }
  body_ += "</tbody>\n</table>\n</div>\n";
}

void Page::signed_table(std::string_view caption, const std::vector<std::string>& rows,
                        const std::vector<std::string>& columns,
                        const std::vector<double>& values) {
  constexpr double strong = 0.6;
  double most = 0.0;
  for (const double value : values) {
    most = std::max(most, std::fabs(value));
  }
  body_ += "<div class=\"scroll\" tabindex=\"0\">\n<table class=\"heat\">\n" +
           tag("caption", caption) + "<thead><tr><th></th>";
  for (const std::string& column : columns) {
    body_ += tag("th", column);
  }
  body_ += "</tr></thead>\n<tbody>\n";
  auto value = values.begin();
  for (const std::string& row : rows) {
    body_ += "<tr>" + tag("th", row);
    for (std::size_t j = 0; j < columns.size(); ++j, ++value) {
      const double share = most > 0.0 ? std::fabs(*value) / most : 0.0;
      body_ += fmt::format("<td class=\"{}{}\" style=\"--share:{:.3f}\" title=\"{}\">{:.2g}</td>",
                           share > strong ? "strong" : "", *value < 0.0 ? " negative" : "",
                           0.9 * share, number_text(*value), *value);
    }
    body_ += "</tr>\n";
  }
  body_ += "</tbody>\n</table>\n</div>\n";
}

std::string Page::html(const RunFacts& facts) const {
  std::string warnings;
  for (const std::string& warning : facts.warnings) {
    warnings += tag("p", "Warning: " + warning, "warning");
  }
  std::string html;
  html.reserve(chart_library.size() + body_.size() + (std::size_t{1} << 15));
  html +=
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n";
  html += tag("title", title_);
  html += "<style>\n";
  html += style_sheet;
  html += "</style>\n</head>\n<body>\n<main>\n" + tag("h1", title_) +
          tag("p", subtitle_, "subtitle") + body_ + warnings + settings(facts);
  html +=
      "<footer>Made by steepest. The charts are drawn by Chart.js, which stands in this file under "
      "the MIT License, \xC2\xA9 Chart.js Contributors.</footer>\n</main>\n<script>\n";
  html += chart_library;
  html += "\n</script>\n<script>\n";
  html += chart_script;
  return html + "</script>\n</body>\n</html>\n";
}

void write_page(const std::string& html, const std::string& path) {
  OutputFile file(path);
  file.write(html);
  file.commit();
}

}  // namespace steepest::report
