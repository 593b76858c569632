// SPDX-License-Identifier: Apache-2.0
// Quasi-Newton runs on functions whose minimum is known, and what they do where rounding, a wall of
// non-finite values or a wild first step stands in the way.
#include "kernels/lbfgs.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "kernels/thread_pool.hpp"

namespace steepest::kernels {
namespace {

using Vector = std::vector<double>;

// Writes the gradient at x, returns the value.
using Function = std::function<double(const Vector& x, Vector& gradient)>;

struct Trace {
  Vector point;
  double value = 0.0;
  double gradient_max = 0.0;
  int evaluations = 0;
  bool stuck = false;
  Vector taken_values;
};

void copy_metric(const double* v, double* out, std::size_t size) { std::copy_n(v, size, out); }

Trace minimise(const Function& function, Vector start, double first_length, int most,
               double tolerance, ThreadPool& pool, double rounding = 1e-15) {
  const std::size_t size = start.size();
  Lbfgs memory(static_cast<std::int64_t>(size), 10, rounding, 10);
  const Lbfgs::Metric metric = [&](const double* v, double* out) { copy_metric(v, out, size); };
  Trace trace;
  trace.point = std::move(start);
  Vector gradient(size);
  Vector next(size);
  while (trace.evaluations < most && !trace.stuck) {
    Evaluation now;
    now.mean_loss = function(trace.point, gradient);
    for (const double g : gradient) {
      now.gradient_max_norm = std::max(now.gradient_max_norm, std::fabs(g));
    }
    ++trace.evaluations;
    if (memory.takes(now, gradient.data(), pool)) {
      trace.value = now.mean_loss;
      trace.gradient_max = now.gradient_max_norm;
      trace.taken_values.push_back(trace.value);
      if (trace.gradient_max <= tolerance) {
        break;
      }
      memory.propose(now, trace.point.data(), gradient.data(), metric, first_length, pool,
                     next.data());
      trace.stuck = !memory.has_way();
    } else {
      trace.stuck = !memory.propose_shorter(metric, first_length, pool, next.data());
    }
    trace.point = next;
  }
  return trace;
}

// sum_i lambda_i (x_i - i)^2 / 2 with lambda from 1 to `condition`.
Function quadratic(double condition) {
  return [condition](const Vector& x, Vector& gradient) {
    double value = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(x.size() - 1);
      const double gap = x[i] - static_cast<double>(i);
      gradient[i] = std::pow(condition, share) * gap;
      value += gradient[i] * gap / 2;
    }
    return value;
  };
}

TEST(Lbfgs, FindsTheMinimumOfAnIllConditionedQuadratic) {
  ThreadPool pool(1);
  const Trace trace = minimise(quadratic(100.0), Vector(40, 0.0), 0.01, 400, 1e-9, pool);
  EXPECT_LE(trace.gradient_max, 1e-9);
  EXPECT_LT(trace.evaluations, 130);
  for (std::size_t i = 0; i < trace.point.size(); ++i) {
    EXPECT_NEAR(trace.point[i], static_cast<double>(i), 1e-8);
  }
}

// Nocedal and Wright's exercise function, minimum 0 at (1, 1).
TEST(Lbfgs, FollowsTheValleyOfRosenbrock) {
  ThreadPool pool(1);
  const Function rosenbrock = [](const Vector& x, Vector& gradient) {
    const double bend = x[1] - x[0] * x[0];
    gradient[0] = -400.0 * x[0] * bend - 2.0 * (1.0 - x[0]);
    gradient[1] = 200.0 * bend;
    return 100.0 * bend * bend + (1.0 - x[0]) * (1.0 - x[0]);
  };
  const Trace trace = minimise(rosenbrock, {-1.2, 1.0}, 1e-3, 200, 1e-8, pool);
  EXPECT_NEAR(trace.point[0], 1.0, 1e-7);
  EXPECT_NEAR(trace.point[1], 1.0, 1e-7);
}

TEST(Lbfgs, NeverTakesAPointThatIsHigher) {
  ThreadPool pool(1);
  const Function steep = [](const Vector& x, Vector& gradient) {
    gradient[0] = std::tanh(x[0] - 3.0);
    return std::log(std::cosh(x[0] - 3.0));
  };
  const Trace trace = minimise(steep, {0.0}, 500.0, 100, 1e-10, pool);
  EXPECT_NEAR(trace.point[0], 3.0, 1e-9);
  EXPECT_GT(trace.evaluations, static_cast<int>(trace.taken_values.size()));
  for (std::size_t i = 1; i < trace.taken_values.size(); ++i) {
    EXPECT_LE(trace.taken_values[i], trace.taken_values[i - 1] * (1.0 + 1e-15));
  }
}

TEST(Lbfgs, TurnsBackFromValuesThatAreNotFinite) {
  ThreadPool pool(1);
  const Function wall = [](const Vector& x, Vector& gradient) {
    gradient[0] = 1.0 - 1.0 / x[0];
    return x[0] > 0.0 ? x[0] - std::log(x[0]) : std::numeric_limits<double>::quiet_NaN();
  };
  const Trace trace = minimise(wall, {5.0}, 100.0, 100, 1e-10, pool);
  EXPECT_NEAR(trace.point[0], 1.0, 1e-9);
}

TEST(Lbfgs, SaysWhenRoundingHidesTheRest) {
  ThreadPool pool(1);
  const Function coarse = [](const Vector& x, Vector& gradient) {
    const double gap = x[0] - 1.0;
    gradient[0] = gap + 1e-3 * std::cos(1e4 * gap);  // as noise would have it
    return std::round(gap * gap / 2 * 1e4) / 1e4 + 1.0;
  };
  const Trace trace = minimise(coarse, {4.0}, 1.0, 200, 0.0, pool);
  EXPECT_TRUE(trace.stuck);
  EXPECT_LT(trace.evaluations, 100);
  EXPECT_NEAR(trace.point[0], 1.0, 0.02);
  EXPECT_NEAR(trace.value, 1.0, 1e-3);
}

TEST(Lbfgs, SameBitsForAnyNumberOfThreads) {
  Vector start(30000);
  std::mt19937_64 random(7);
  for (double& x : start) {
    x = static_cast<double>(random() % 1000) / 500.0;
  }
  const Function bowl = [](const Vector& x, Vector& gradient) {
    double value = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double weight = 1.0 + static_cast<double>(i % 17);
      gradient[i] = weight * std::sinh(x[i] - 1.0);
      value += weight * (std::cosh(x[i] - 1.0) - 1.0);
    }
    return value;
  };
  ThreadPool one(1);
  const Trace wanted = minimise(bowl, start, 0.01, 25, 0.0, one);
  for (const int threads : {2, 3, 8}) {
    ThreadPool pool(threads);
    const Trace found = minimise(bowl, start, 0.01, 25, 0.0, pool);
    EXPECT_EQ(found.point, wanted.point) << threads;
  }
}

}  // namespace
}  // namespace steepest::kernels
