// SPDX-License-Identifier: Apache-2.0
#include "src/cli/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <csignal>
#include <cstdio>

#include "steepest/error.hpp"

namespace steepest::cli {

void add_global_options(CLI::App& app, GlobalOptions& options) {
  app.add_option("--device", options.device, "auto, cpu, cuda or cuda:N")->default_str("auto");
  app.add_option("--threads", options.threads, "CPU threads; default: every processor")
      ->check(CLI::Range(1, 4096));
  app.add_option("--seed", options.seed, "seed of everything random")
      ->check([](const std::string& text) {  // or it would wrap
        return text.rfind('-', 0) == 0 ? std::string("must be 0 or more") : std::string();
      })
      ->default_str("0");
  app.add_flag("--quiet", options.quiet, "no progress, no warnings");
  app.add_flag("--json", options.json, "exactly one JSON object on standard output");
}

std::string json_text(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

void print_json(const Json& json) { fmt::print("{}", json_text(json)); }

void print_line(std::string_view label, const std::string& text) {
  fmt::print("{:<13}{}\n", label, text);
}

std::string shell_quoted(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("_-./:,=+@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) {
    return text;
  }
  std::string result = "'";
  for (const char c : text) {
    result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return result + "'";
}

Json json_number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json to_json(const DeviceInfo& device) {
  return {{"kind", name(device.kind)}, {"name", device.name}};
}

Json engine_json(Engine engine) {
  return engine == Engine::automatic ? Json(nullptr) : Json(name(engine));
}

std::string engine_text(Engine engine) {
  return engine == Engine::automatic ? "" : fmt::format(", engine {}", name(engine));
}

void print_warnings(const std::vector<std::string>& warnings, const GlobalOptions& options) {
  if (options.quiet) {
    return;
  }
  for (const std::string& warning : warnings) {
    fmt::print(stderr, "warning: {}\n", warning);
  }
}

void require_cpu(const GlobalOptions& options, const std::string& command) {
  if (parse_device(options.device).kind == DeviceChoice::Kind::cuda) {
    throw OptionError(fmt::format(
        "{} runs on the CPU, where reading the file is what takes time: use --device cpu or auto",
        command));
  }
}

}  // namespace steepest::cli
