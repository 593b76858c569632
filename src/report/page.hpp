// SPDX-License-Identifier: Apache-2.0
// A page of a report: one HTML file that needs no other and no network. Whatever text comes in is
// shown as text: nothing of it can become an element or run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/report/chart.hpp"

namespace steepest::report {

/// With & < > " ' written as entities, control characters and what is not UTF-8 as U+FFFD.
[[nodiscard]] std::string escape_html(std::string_view text);

/// JSON that may stand inside a script element: no "<", ">" or "&" is left in it.
[[nodiscard]] std::string script_json(const Json& json);

/// "1.234e-05" in short: six significant digits, "—" where not finite.
[[nodiscard]] std::string number_text(double value);

/// "1,234,567".
[[nodiscard]] std::string count_text(std::int64_t count);

/// A table; columns of numbers are aligned to the right.
struct Table {
  std::string caption;
  std::vector<std::string> head;
  std::vector<bool> is_number;  ///< as long as the head
  std::vector<std::vector<std::string>> rows;
};

/// A file the run read.
struct InputFile {
  std::string path;
  std::int64_t bytes = 0;
  std::string sha256;  ///< in hexadecimal; empty where it could not be read again
};

/// What every page says at its end.
struct RunFacts {
  std::string command_line;
  std::string device;
  std::vector<InputFile> inputs;
  std::vector<std::string> warnings;
};

/// Sizes and SHA-256 of files; patterns are expanded, empty paths left out, a folder counts with
/// each of its files. What cannot be read again, such as standard input, has no hash.
[[nodiscard]] std::vector<InputFile> input_files(std::vector<std::string> paths);

class Page {
 public:
  Page(std::string title, std::string subtitle);

  /// What the page has to say, in a sentence. `mood`: "", "good" or "bad".
  void lead(std::string_view text, std::string_view mood = "");
  void section(std::string_view title);
  void paragraph(std::string_view text);
  void note(std::string_view text);
  void table(const Table& table);
  void facts(const std::vector<std::pair<std::string, std::string>>& facts);
  void command(std::string_view text);  ///< a line for a shell

  /// Charts between these two stand side by side where there is room.
  void begin_charts();
  void end_charts();
  void chart(std::string_view title, const Json& chart, std::string_view note = "");

  /// Shares of a row in [0, 1] as shades; `counts` is (names, names), row-major.
  void heat_table(std::string_view caption, const std::vector<std::string>& names,
                  const std::vector<double>& counts);

  /// Values of either sign as shades of two colours; `values` is (rows, columns), row-major.
  void signed_table(std::string_view caption, const std::vector<std::string>& rows,
                    const std::vector<std::string>& columns, const std::vector<double>& values);

  /// The whole file.
  [[nodiscard]] std::string html(const RunFacts& facts) const;

 private:
  std::string title_;
  std::string subtitle_;
  std::string body_;
};

/// Writes a page, whole or not at all. Throws InputError.
void write_page(const std::string& html, const std::string& path);

}  // namespace steepest::report
