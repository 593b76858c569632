// SPDX-License-Identifier: Apache-2.0
// docs/five-moves.md shows real output: every command on it is run, and compared.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

struct Example {
  std::string command;
  std::vector<std::string> output;
};

std::vector<std::string> lines_of(std::istream& stream) {
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  while (!lines.empty() && lines.back().empty()) {
    lines.pop_back();
  }
  return lines;
}

// The `console` blocks of a page: a command behind "$ ", its output below.
std::vector<Example> examples_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<Example> examples;
  bool inside = false;
  for (const std::string& line : lines_of(file)) {
    if (line.rfind("```", 0) == 0) {
      inside = line == "```console";
    } else if (inside && line.rfind("$ ", 0) == 0) {
      examples.push_back({line.substr(2), {}});
    } else if (inside) {
      examples.back().output.push_back(line);
    }
  }
  for (Example& example : examples) {
    while (!example.output.empty() && example.output.back().empty()) {
      example.output.pop_back();
    }
  }
  return examples;
}

// "..." in a line stands for any text.
bool line_matches(const std::string& pattern, const std::string& line) {
  const std::size_t dots = pattern.find("...");
  if (dots == std::string::npos) {
    return pattern == line;
  }
  const std::string tail = pattern.substr(dots + 3);
  return line.size() + 3 >= pattern.size() && line.rfind(pattern.substr(0, dots), 0) == 0 &&
         line.compare(line.size() - tail.size(), tail.size(), tail) == 0;
}

// A line "..." stands for any lines, none too.
bool lines_match(const std::vector<std::string>& pattern, std::size_t p,
                 const std::vector<std::string>& lines, std::size_t l) {
  if (p == pattern.size()) {
    return l == lines.size();
  }
  if (pattern[p] == "...") {
    for (std::size_t next = l; next <= lines.size(); ++next) {
      if (lines_match(pattern, p + 1, lines, next)) {
        return true;
      }
    }
    return false;
  }
  return l < lines.size() && line_matches(pattern[p], lines[l]) &&
         lines_match(pattern, p + 1, lines, l + 1);
}

TEST(FiveMoves, EveryOutputOnThePageIsReal) {
  const TemporaryFolder folder;
  const std::string source = STEEPEST_SOURCE_FOLDER;
  const std::vector<Example> examples = examples_of(source + "/docs/five-moves.md");
  ASSERT_GE(examples.size(), 15U);
  const std::string tools = std::filesystem::path(STEEPEST_COMMAND).parent_path().string();
  for (const Example& example : examples) {
    const std::string script =
        folder.write("example.sh", "export PATH='" + tools + "':\"$PATH\" LC_ALL=C\ncd '" + source +
                                       "'\n" + example.command + "\n");
    std::FILE* pipe = popen(("sh '" + script + "' 2>&1").c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::stringstream printed;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
      printed.put(static_cast<char>(c));
    }
    pclose(pipe);
    const std::vector<std::string> lines = lines_of(printed);
    EXPECT_TRUE(lines_match(example.output, 0, lines, 0)) << "$ " << example.command << "\n"
                                                          << printed.str();
  }
}

TEST(FiveMoves, TheComparisonCanFail) {
  EXPECT_TRUE(lines_match({"a", "...", "d"}, 0, {"a", "b", "c", "d"}, 0));
  EXPECT_TRUE(lines_match({"gap ... <= 1"}, 0, {"gap 3e-18 <= 1"}, 0));
  EXPECT_FALSE(lines_match({"a", "...", "d"}, 0, {"a", "b", "c"}, 0));
  EXPECT_FALSE(lines_match({"a"}, 0, {"a", "b"}, 0));
  EXPECT_FALSE(lines_match({"gap ... <= 1"}, 0, {"gap 3e-18 <= 2"}, 0));
}

}  // namespace
}  // namespace steepest::tests
