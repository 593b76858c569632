// SPDX-License-Identifier: Apache-2.0
// Answers of independent solvers; the scripts in tests/reference make them.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace steepest::tests {

inline nlohmann::json reference(const std::string& name,
                                const std::string& document = "reference.json") {
  std::ifstream file(std::string(STEEPEST_SOURCE_FOLDER) + "/tests/reference/" + document);
  return nlohmann::json::parse(file).at(name);
}

}  // namespace steepest::tests
