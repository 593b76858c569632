// SPDX-License-Identifier: Apache-2.0
// The command: parses, runs one subcommand, and turns exceptions into sentences and exit codes.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <new>

#include "src/cli/command.hpp"
#include "src/cli/memory_limit.hpp"
#include "src/cli/signals.hpp"
#include "steepest/error.hpp"
#include "steepest/version.hpp"

namespace steepest::cli {
namespace {

std::string command_line_of(int argc, char** argv) {
  std::string line = "steepest";
  for (int i = 1; i < argc; ++i) {
    line += " " + shell_quoted(argv[i]);
  }
  return line;
}

Json error_json(const std::string& command, int code, const char* kind,
                const std::string& sentence) {
  return {{"command", command},
          {"version", version},
          {"error", {{"kind", kind}, {"exit_code", code}, {"message", sentence}}}};
}

int report(const GlobalOptions& options, const std::string& command, int code, const char* kind,
           const std::string& sentence) {
  fmt::print(stderr, "steepest: {}\n", sentence);
  if (options.json) {
    print_json(error_json(command, code, kind, sentence));
  }
  return code;
}

int run_command(const Command& command, const GlobalOptions& options) {
  const std::string name = command.app->get_name();
  try {
    return command.run();
  } catch (const InputError& error) {
    return report(options, name, exit_bad_input, "input", error.what());
  } catch (const OptionError& error) {
    return report(options, name, exit_bad_option, "option", error.what());
  } catch (const DeviceError& error) {
    return report(options, name, exit_device, "device", error.what());
  } catch (const Interrupted& interruption) {
    return report(options, name, exit_interrupted, "interrupted", interruption.sentence);
  } catch (const std::bad_alloc&) {
    return report(options, name, exit_bad_input, "input", memory_ran_out());
  } catch (const std::exception& error) {
    return report(options, name, exit_internal_error, "internal",
                  fmt::format("internal error: {}", error.what()));
  }
}

int run(int argc, char** argv) {
  GlobalOptions options;
  options.command_line = command_line_of(argc, argv);
  CLI::App app("Fits regression models by gradient descent, and says why it stopped.", "steepest");
  app.set_version_flag("--version", std::string("steepest ") + version);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  app.footer(
      "Example: steepest fit data.csv --target y -o model.json\n"
      "         steepest COMMAND --help has an example of each.");
  std::vector<Command> commands = {
      add_fit(app, options),       add_predict(app, options),   add_evaluate(app, options),
      add_calibrate(app, options), add_sweep(app, options),     add_find_rate(app, options),
      add_convert(app, options),   add_inspect(app, options),   add_generate(app, options),
      add_explore(app, options),   add_portfolio(app, options), add_devices(app, options)};
  for (Command& command : commands) {
    add_global_options(*command.app, options);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    app.exit(success);
    return exit_done;
  } catch (const CLI::ParseError& error) {
    const auto chosen = app.get_subcommands();
    const std::string name = chosen.empty() ? "" : chosen.front()->get_name();
    return report(
        options, name, exit_bad_option, "option",
        fmt::format("{}; see steepest {}{}--help", error.what(), name, name.empty() ? "" : " "));
  }
  for (const Command& command : commands) {
    if (command.app->parsed()) {
      catch_signals();
      return run_command(command, options);
    }
  }
  return exit_internal_error;
}

}  // namespace

}  // namespace steepest::cli

int main(int argc, char** argv) {
  try {
    const int code = steepest::cli::run(argc, argv);
    if (std::fflush(stdout) != 0) {
      std::perror("steepest: cannot write to standard output");
      return code == 0 ? steepest::cli::exit_bad_input : code;
    }
    return code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "steepest: internal error: %s\n", error.what());
    return steepest::cli::exit_internal_error;
  }
}
