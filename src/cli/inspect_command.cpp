// SPDX-License-Identifier: Apache-2.0
// steepest inspect: dialect, columns, types, missing values, statistics, warnings.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "src/cli/data_options.hpp"
#include "src/cli/progress_bar.hpp"
#include "steepest/version.hpp"

namespace steepest::cli {
namespace {

const char* type_name(ColumnSummary::Type type) {
  switch (type) {
    case ColumnSummary::Type::numeric:
      return "numeric";
    case ColumnSummary::Type::integer:
      return "integer";
    case ColumnSummary::Type::text:
      return "text";
    case ColumnSummary::Type::empty:
      break;
  }
  return "empty";
}

bool is_number(const ColumnSummary& column) {
  return column.type == ColumnSummary::Type::numeric || column.type == ColumnSummary::Type::integer;
}

std::string delimiter_name(char delimiter) {
  switch (delimiter) {
    case ',':
      return "comma";
    case ';':
      return "semicolon";
    case '\t':
      return "tab";
    case '|':
      return "bar";
    default:
      return std::string(1, delimiter);
  }
}

Json character_json(char character) {
  return character == '\0' ? Json(nullptr) : Json(std::string(1, character));
}

Json to_json(const Dialect& dialect) {
  return {{"delimiter", std::string(1, dialect.delimiter)},
          {"header", dialect.header},
          {"byte_order_mark", dialect.byte_order_mark},
          {"quote", character_json(dialect.quote)},
          {"escape", character_json(dialect.escape)},
          {"comment", character_json(dialect.comment)},
          {"comment_lines", dialect.comment_lines},
          {"skipped_lines", dialect.skipped_lines},
          {"decimal", character_json(dialect.numbers.decimal)},
          {"thousands", character_json(dialect.numbers.thousands)}};
}

// What is usual goes without saying.
std::string to_text(const Dialect& dialect) {
  std::string text = fmt::format("delimiter {}, {}", delimiter_name(dialect.delimiter),
                                 dialect.header ? "with header" : "no header");
  const auto add = [&text](bool said, const std::string& what) { text += said ? ", " + what : ""; };
  const auto lines = [](std::int64_t count) {
    return format_count(count) + (count == 1 ? " line" : " lines");
  };
  add(dialect.byte_order_mark, "byte order mark");
  add(dialect.skipped_lines > 0, lines(dialect.skipped_lines) + " skipped");
  add(dialect.comment_lines > 0, lines(dialect.comment_lines) + " of # comment at the head");
  add(dialect.quote == '\0', "no quotes");
  add(dialect.quote != '"' && dialect.quote != '\0', fmt::format("quote {}", dialect.quote));
  add(dialect.escape != '\0', fmt::format("escape {}", dialect.escape));
  add(dialect.comment != '\0', fmt::format("comment {}", dialect.comment));
  add(dialect.numbers.decimal == ',', "decimal comma");
  add(dialect.numbers.thousands != '\0',
      fmt::format("thousands {}", dialect.numbers.thousands == ' '
                                      ? "space"
                                      : std::string(1, dialect.numbers.thousands)));
  return text;
}

Json to_json(const ColumnSummary& column) {
  Json json{{"name", column.name},
            {"type", type_name(column.type)},
            {"values", column.values},
            {"missing", column.missing},
            {"distinct", column.distinct},
            {"distinct_is_exact", column.distinct < ColumnSummary::distinct_limit}};
  const bool number = is_number(column);
  json["mean"] = number ? json_number(column.mean) : Json(nullptr);
  json["standard_deviation"] = number ? json_number(column.standard_deviation) : Json(nullptr);
  json["minimum"] = number ? json_number(column.minimum) : Json(nullptr);
  json["maximum"] = number ? json_number(column.maximum) : Json(nullptr);
  json["examples"] = column.examples;
  return json;
}

// Cuts text to a width counted in bytes, without cutting a UTF-8 character in two.
std::string shortened(const std::string& text, std::size_t width) {
  if (text.size() <= width) {
    return text;
  }
  std::size_t end = width - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return text.substr(0, end) + "...";
}

void print_columns(const FileSummary& summary) {
  constexpr std::size_t widest_name = 28;
  std::size_t width = 6;
  for (const ColumnSummary& column : summary.columns) {
    width = std::max(width, std::min(widest_name, column.name.size()));
  }
  fmt::print("\n{:>4}  {:<{}}  {:<8} {:>9} {:>9}  {:>12} {:>12} {:>12} {:>12}\n", "", "column",
             width, "type", "missing", "distinct", "mean", "deviation", "minimum", "maximum");
  std::int64_t number = 0;
  for (const ColumnSummary& column : summary.columns) {
    fmt::print("{:>4}  {:<{}}  {:<8} {:>9} {:>9}  ", ++number, shortened(column.name, widest_name),
               width, type_name(column.type), format_count(column.missing),
               column.distinct < ColumnSummary::distinct_limit
                   ? format_count(column.distinct)
                   : format_count(column.distinct) + "+");
    if (is_number(column)) {
      fmt::print("{:>12.6g} {:>12.6g} {:>12.6g} {:>12.6g}\n", column.mean,
                 column.standard_deviation, column.minimum, column.maximum);
    } else {
      fmt::print("{}\n", shortened(fmt::format("{}", fmt::join(column.examples, ", ")), 51));
    }
  }
}

int run_inspect(const DataOptions& given, const GlobalOptions& global) {
  require_cpu(global, "inspect");
  ReadOptions read = given.to_read_options();
  read.threads = global.threads;
  FileSummary summary;
  {
    ProgressBar bar("reading", !global.quiet);
    summary = inspect(read, reading_progress(bar));
  }
  if (global.json) {
    Json columns = Json::array();
    for (const ColumnSummary& column : summary.columns) {
      columns.push_back(to_json(column));
    }
    print_json({{"command", "inspect"},
                {"version", version},
                {"dialect", to_json(summary.dialect)},
                {"rows", summary.rows},
                {"rows_rejected", summary.rows_rejected},
                {"bytes_read", summary.bytes_read},
                {"columns", std::move(columns)},
                {"warnings", summary.warnings}});
    return exit_done;
  }
  fmt::print("{:<13}{}: {}\n", "data", fmt::join(read.paths, " "),
             format_bytes(static_cast<double>(summary.bytes_read)));
  fmt::print("{:<13}{}\n", "dialect", to_text(summary.dialect));
  fmt::print("{:<13}{} of {} columns", "rows", format_count(summary.rows), summary.columns.size());
  fmt::print("{}\n", summary.rows_rejected > 0 ? fmt::format(", {} with another number of fields",
                                                             format_count(summary.rows_rejected))
                                               : std::string());
  print_columns(summary);
  for (const std::string& warning : summary.warnings) {
    fmt::print("\nwarning: {}", warning);
  }
  if (!summary.warnings.empty()) {
    fmt::print("\n");
  }
  return exit_done;
}

}  // namespace

Command add_inspect(CLI::App& parent, GlobalOptions& global) {
  CLI::App* app = parent.add_subcommand("inspect", "Look at a file: dialect, columns, statistics");
  auto options = std::make_shared<DataOptions>();
  add_data_options(*app, *options, false);
  app->footer("Example: steepest inspect data.csv");
  return {app, [options, &global] { return run_inspect(*options, global); }};
}

}  // namespace steepest::cli
