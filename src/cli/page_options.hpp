// SPDX-License-Identifier: Apache-2.0
// --report FILE.html, and what every page says of its run.
#pragma once

#include <string>
#include <vector>

#include "src/cli/command.hpp"
#include "src/report/page.hpp"

namespace steepest::cli {

/// Adds --report.
void add_report_option(CLI::App& app, std::string& path);

/// Hashes the files, which takes a read of them.
[[nodiscard]] report::RunFacts run_facts(const GlobalOptions& global, const DeviceInfo& device,
                                         const std::vector<std::string>& inputs,
                                         const std::vector<std::string>& warnings);

}  // namespace steepest::cli
