// SPDX-License-Identifier: Apache-2.0
#include "src/train/optimum_store.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "steepest/output_file.hpp"
#include "steepest/version.hpp"

namespace steepest::train {
namespace {

constexpr const char* format_name = "steepest-optimum-1";

std::string cache_folder() {
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && *cache == '/') {
    return std::string(cache) + "/steepest";
  }
  const char* const home = std::getenv("HOME");
  return home != nullptr && *home == '/' ? std::string(home) + "/.cache/steepest" : "";
}

nlohmann::json json_of(const RunIdentity& problem) {
  nlohmann::json json = {{"version", std::string(version)}, {"data", problem.data}};
  json["options"] = nlohmann::json::object();
  for (const auto& [name, value] : problem.options) {
    json["options"][name] = value;
  }
  return json;
}

// A number's bits: JSON has none for NaN.
std::string bits(double value) { return fmt::format("{:a}", value); }

double from_bits(const nlohmann::json& json, const char* key) {
  return std::strtod(json.at(key).get<std::string>().c_str(), nullptr);
}

// Numbers in [-0.5, 0.5) of no pattern.
std::vector<double> scattered(std::int64_t count) {
  std::uint64_t state = 1;
  std::vector<double> numbers;
  for (std::int64_t i = 0; i < count; ++i) {  // Knuth's 64-bit congruential generator
    state = state * 6364136223846793005U + 1442695040888963407U;
    numbers.push_back(std::ldexp(static_cast<double>(state >> 11U), -53) - 0.5);
  }
  return numbers;
}

}  // namespace

RunIdentity optimum_identity(RunIdentity problem, HeldData& held, const FitPlan& plan) {
  kernels::BankPlan bank;
  bank.loss = plan.loss;
  bank.outputs = plan.columns;
  bank.models.resize(1);
  bank.batch_size = held.rows;
  bank.allow_normal_equations = false;
  held.backend->start(bank);
  const kernels::LossAndGradient there =
      held.backend->evaluate_at(scattered(plan.columns * (held.features + 1)));
  Digest digest;
  digest.add(there.mean_loss);
  digest.add(there.gradient);
  problem.data += " " + digest.text();
  return problem;
}

OptimumStore::OptimumStore() : folder_(cache_folder()) {}

bool OptimumStore::is_empty() const {
  std::error_code error;
  return folder_.empty() || !std::filesystem::is_directory(folder_, error);
}

std::string OptimumStore::path_of(const RunIdentity& problem) const {
  Digest digest;
  digest.add(json_of(problem).dump());
  return fmt::format("{}/optimum-{}.json", folder_, digest.text());
}

std::optional<SweepOptimum> OptimumStore::find(const RunIdentity& problem) const {
  if (folder_.empty()) {
    return std::nullopt;
  }
  const std::string path = path_of(problem);
  std::ifstream file(path);
  const nlohmann::json json = nlohmann::json::parse(file, nullptr, false);
  if (json.is_discarded() || json.value("format", "") != format_name ||
      json.value("problem", nlohmann::json()) != json_of(problem)) {
    return std::nullopt;
  }
  try {
    SweepOptimum optimum;
    optimum.objective = from_bits(json, "objective");
    optimum.gradient_max_norm = from_bits(json, "gradient_max_norm");
    optimum.validation_loss = from_bits(json, "validation_loss");
    optimum.resolution = from_bits(json, "resolution");
    optimum.method =
        fmt::format("{} (found before: {})", json.at("method").get<std::string>(), path);
    optimum.converged = true;
    return std::isfinite(optimum.objective) ? std::optional(optimum) : std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

void OptimumStore::keep(const RunIdentity& problem, const SweepOptimum& optimum) const {
  if (folder_.empty() || !optimum.converged || optimum.seconds < least_seconds) {
    return;
  }
  const nlohmann::json json = {{"format", format_name},
                               {"problem", json_of(problem)},
                               {"method", optimum.method},
                               {"objective", bits(optimum.objective)},
                               {"gradient_max_norm", bits(optimum.gradient_max_norm)},
                               {"validation_loss", bits(optimum.validation_loss)},
                               {"resolution", bits(optimum.resolution)}};
  try {
    std::filesystem::create_directories(folder_);
    OutputFile file(path_of(problem));
    file.write(json.dump(1) + "\n");
    file.commit();
  } catch (const std::exception&) {  // a cache that cannot be written is none
    return;
  }
}

}  // namespace steepest::train
