// SPDX-License-Identifier: Apache-2.0
#include "src/cli/page_options.hpp"

#include <fmt/format.h>

namespace steepest::cli {

void add_report_option(CLI::App& app, std::string& path) {
  app.add_option("--report", path, "HTML page with charts; one file that needs no network");
}

report::RunFacts run_facts(const GlobalOptions& global, const DeviceInfo& device,
                           const std::vector<std::string>& inputs,
                           const std::vector<std::string>& warnings) {
  return {global.command_line, fmt::format("{}: {}", name(device.kind), device.name),
          report::input_files(inputs), warnings};
}

}  // namespace steepest::cli
