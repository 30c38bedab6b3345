"""What a class plan is made from: course, roster, rules, pools of nodes, and the schedule itself."""
