import sys

share = float(sys.argv[1])
verdicts, scores = [], []
for line in sys.stdin:
    verdict, score = line.split()
    verdicts.append(verdict)
    scores.append(float(score))
accepted = verdicts.count("AC")
if accepted >= share * len(verdicts):
    print("AC", sum(scores))
else:
    print(next(verdict for verdict in verdicts if verdict != "AC"), 0)
