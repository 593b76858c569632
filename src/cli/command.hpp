// SPDX-License-Identifier: Apache-2.0
// What every subcommand shares: global options, exit codes, and how it registers itself.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "steepest/device.hpp"
#include "steepest/engine.hpp"

namespace steepest::cli {

using Json = nlohmann::ordered_json;

/// Exit codes of the command; part of its contract.
enum ExitCode : int {
  exit_done = 0,
  exit_internal_error = 1,
  exit_bad_input = 2,
  exit_bad_option = 3,
  exit_device = 4,
  exit_diverged = 5,
  exit_interrupted = 130,
};

/// Options every subcommand has.
struct GlobalOptions {
  std::string device = "auto";
  int threads = 0;  ///< 0: every processor
  std::uint64_t seed = 0;
  bool quiet = false;
  bool json = false;
  std::string command_line;  ///< as it was given, for reports
};

/// A subcommand added to the parser. `run` is called when it was chosen; returns an exit code.
struct Command {
  CLI::App* app = nullptr;
  std::function<int()> run;
};

/// Adds --device, --threads, --seed, --quiet and --json to a subcommand.
void add_global_options(CLI::App& app, GlobalOptions& options);

/// As print_json() prints it.
[[nodiscard]] std::string json_text(const Json& json);

/// Prints `json` as the one object on stdout.
void print_json(const Json& json);

/// Prints a line of a report: a label, and what it is.
void print_line(std::string_view label, const std::string& text);

/// As a shell takes it: in quotes where it has to be.
[[nodiscard]] std::string shell_quoted(const std::string& text);

/// A number for JSON: null where it is not finite.
[[nodiscard]] Json json_number(double value);

/// The "device" object of `--json`.
[[nodiscard]] Json to_json(const DeviceInfo& device);

/// An engine for JSON: null on the CPU, which has none to choose.
[[nodiscard]] Json engine_json(Engine engine);

/// ", engine NAME" behind a device; nothing on the CPU.
[[nodiscard]] std::string engine_text(Engine engine);

/// Puts "warning: ..." on stderr, unless quiet.
void print_warnings(const std::vector<std::string>& warnings, const GlobalOptions& options);

/// Commands that only read and score run on the CPU. Throws OptionError when a GPU was asked for.
void require_cpu(const GlobalOptions& options, const std::string& command);

/// Thrown where Ctrl-C ends work whose result is not written. Exit code 130.
struct Interrupted {
  std::string sentence = "interrupted: nothing was written";
};

/// True once SIGINT or SIGTERM has arrived; commands end in order then.
[[nodiscard]] bool interrupted();

Command add_fit(CLI::App& parent, GlobalOptions& global);
Command add_predict(CLI::App& parent, GlobalOptions& global);
Command add_evaluate(CLI::App& parent, GlobalOptions& global);
Command add_convert(CLI::App& parent, GlobalOptions& global);
Command add_inspect(CLI::App& parent, GlobalOptions& global);
Command add_generate(CLI::App& parent, GlobalOptions& global);
Command add_explore(CLI::App& parent, GlobalOptions& global);
Command add_portfolio(CLI::App& parent, GlobalOptions& global);
Command add_devices(CLI::App& parent, GlobalOptions& global);
Command add_calibrate(CLI::App& parent, GlobalOptions& global);
Command add_sweep(CLI::App& parent, GlobalOptions& global);
Command add_find_rate(CLI::App& parent, GlobalOptions& global);

}  // namespace steepest::cli
