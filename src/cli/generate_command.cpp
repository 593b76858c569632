// SPDX-License-Identifier: Apache-2.0
// steepest generate: a CSV whose truth is known.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <optional>

#include "src/cli/command.hpp"
#include "src/cli/progress_bar.hpp"
#include "src/train/option_text.hpp"
#include "steepest/error.hpp"
#include "steepest/generate.hpp"
#include "steepest/output_file.hpp"
#include "steepest/version.hpp"

namespace steepest::cli {
namespace {

struct GenerateOptions {
  std::string kind;
  std::string rows = "1000";
  std::string features = "10";
  std::string classes = "3";
  double noise = 1.0;
  double condition = 1.0;
  double temperature = 1.5;
  std::string output;
  std::string truth;
};

void write_truth(const Generator& generator, const GenerateOptions& given) {
  OutputFile file(given.truth);
  const Json json{{"kind", given.kind},
                  {"columns", generator.column_names()},
                  {"coefficients", generator.coefficients()},
                  {"intercept", generator.intercept()},
                  {"temperature", given.temperature}};
  file.write(json.dump(1) + "\n");
  file.commit();
}

void append_row(const Generator& generator, GeneratorKind kind, std::int64_t row,
                std::string& text) {
  const std::vector<float> features = generator.features(row);
  for (const float value : features) {
    fmt::format_to(std::back_inserter(text), "{},", value);
  }
  const double target = generator.target(row, features);
  if (kind == GeneratorKind::linear) {
    fmt::format_to(std::back_inserter(text), "{}\n", static_cast<float>(target));
  } else {
    fmt::format_to(std::back_inserter(text), "{}\n", static_cast<int>(target));
  }
}

int run_generate(const GenerateOptions& given, const GlobalOptions& global) {
  constexpr std::size_t flush_bytes = 1 << 20;
  if (global.json && given.output.empty()) {
    throw OptionError("generate --json needs -o FILE for the rows");
  }
  GeneratorOptions options;
  options.kind = parse_generator(given.kind);
  options.rows = parse_option_count("--rows", given.rows);
  options.features = parse_option_count("--features", given.features);
  options.classes = parse_option_count("--classes", given.classes);
  options.noise = given.noise;
  options.condition = given.condition;
  options.temperature = given.temperature;
  options.seed = global.seed;
  const Generator generator(options);
  std::optional<OutputFile> file;
  if (!given.output.empty()) {
    file.emplace(given.output);
  }
  ProgressBar bar("generating", !global.quiet && file.has_value());
  std::string text = fmt::format("{}\n", fmt::join(generator.column_names(), ","));
  std::int64_t bytes = 0;
  const auto flush = [&] {
    bytes += static_cast<std::int64_t>(text.size());
    if (file) {
      file->write(text);
    } else if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
      throw InputError("standard output: cannot be written, perhaps its reader has gone");
    }
    text.clear();
  };
  for (std::int64_t row = 0; row < options.rows; ++row) {
    append_row(generator, options.kind, row, text);
    if (text.size() >= flush_bytes) {
      flush();
      bar.show(static_cast<double>(row) / static_cast<double>(options.rows),
               format_bytes(static_cast<double>(bytes)));
      if (interrupted()) {
        throw Interrupted{};
      }
    }
  }
  flush();
  if (file) {
    file->commit();
  }
  bar.clear();
  if (!given.truth.empty()) {
    write_truth(generator, given);
  }
  if (global.json) {
    print_json({{"command", "generate"},
                {"version", version},
                {"kind", given.kind},
                {"rows", options.rows},
                {"columns", generator.column_names()},
                {"bytes_written", bytes},
                {"output", given.output}});
  } else if (file && !global.quiet) {
    fmt::print(stderr, "{} rows, {} written to {}\n", format_count(options.rows),
               format_bytes(static_cast<double>(bytes)), given.output);
  }
  return exit_done;
}

}  // namespace

Command add_generate(CLI::App& parent, GlobalOptions& global) {
  CLI::App* app = parent.add_subcommand("generate", "Write a data set whose truth is known");
  auto options = std::make_shared<GenerateOptions>();
  app->add_option("KIND", options->kind, "linear, softmax or logits")->required();
  app->add_option("--rows", options->rows, "rows")->default_str("1000");
  app->add_option("--features", options->features, "feature columns")->default_str("10");
  app->add_option("--classes", options->classes, "classes")->default_str("3");
  app->add_option("--noise", options->noise, "deviation of y, or scale of the labels' noise")
      ->default_str("1");
  app->add_option("--condition", options->condition, "condition number of the features' covariance")
      ->default_str("1");
  app->add_option("--temperature", options->temperature,
                  "logits: the temperature that calibrates them")
      ->default_str("1.5");
  app->add_option("--truth", options->truth, "JSON of the coefficients behind the rows");
  app->add_option("-o,--output", options->output, "CSV to write; default: standard output");
  app->footer(
      "Example: steepest generate linear --rows 1e6 --features 28 --condition 100 -o big.csv");
  return {app, [options, &global] { return run_generate(*options, global); }};
}

}  // namespace steepest::cli
