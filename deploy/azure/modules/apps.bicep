// The services. Splitter and dispatcher are apps that scale to none; scorers and stitchers are jobs
// that leave by themselves, because scaling an app in may end a replica that works.
param prefix string
param location string
param tags object
@description('Of each service: its image by digest.')
param images object
@description('The server of the registry that has them.')
param registryServer string
@description('Of each service: name, id, clientId.')
param identities array
param mediaUrl string
param workName string
param workUrl string
param workQueueUrl string
@description('The most workers that may run.')
param nodes int
@description('Whether workers have a GPU.')
param gpu bool
@description('The subnet of the services; empty: a network of Azure\'s own.')
param subnetId string
@description('How long a service may finish what it holds when it is told to leave.')
param drainSeconds int
@description('When inputs without an outcome are announced again, as a cron expression in UTC; empty: when the job is started by hand.')
param replaySchedule string
@description('A cron expression in UTC, or empty.')
param dueSchedule string
@description('Where workers run: `queue` for jobs of this environment, or `azureml`.')
param cluster string
@description('What the dispatcher has to know of a cluster, as a list of name and value.')
param clusterSettings array

var ids = toObject(identities, each => each.name)
var scaler = ids.scaler.id
var healthPort = 8080
var splitterQueues = ['arrivals', 'waiting-0', 'waiting-1', 'waiting-2', 'waiting-3', 'waiting-4', 'waiting-5', 'waiting-6', 'waiting-7', 'segments']
var dispatcherQueues = ['shards', 'segments', 'chunks', 'lessons', 'scored']
var scorerQueues = [
  { name: 'chunks', length: '2' } // the dispatcher keeps about two for each worker
  { name: 'lessons', length: '1' }
]
var settings = [
  { name: 'IMPASTO_MEDIA_URL', value: mediaUrl }
  { name: 'IMPASTO_WORK_URL', value: workUrl }
  { name: 'IMPASTO_WORK_QUEUE_URL', value: workQueueUrl }
  { name: 'IMPASTO_NODES', value: string(nodes) }
  { name: 'IMPASTO_HEALTH_PORT', value: string(healthPort) }
  { name: 'IMPASTO_HEALTH_ADDRESS', value: '0.0.0.0' } // probes come from outside of the container
  { name: 'IMPASTO_DRAIN_SECONDS', value: string(drainSeconds) }
]
var probes = [
  {
    type: 'Liveness'
    httpGet: { path: '/livez', port: healthPort }
    initialDelaySeconds: 60
    periodSeconds: 10
    failureThreshold: 6
  }
  {
    type: 'Readiness'
    httpGet: { path: '/readyz', port: healthPort }
    periodSeconds: 240
    failureThreshold: 10 // the most there is: a role may take half an hour to work
  }
]

resource environment 'Microsoft.App/managedEnvironments@2026-01-01' = {
  name: prefix
  location: location
  tags: tags
  properties: {
    appLogsConfiguration: { destination: 'azure-monitor' } // Log Analytics itself would take a key
    peerTrafficConfiguration: { encryption: { enabled: true } }
    publicNetworkAccess: 'Disabled'
    vnetConfiguration: empty(subnetId) ? null : { infrastructureSubnetId: subnetId, internal: true }
    workloadProfiles: concat([{ name: 'Consumption', workloadProfileType: 'Consumption' }], gpu ? [{ name: 'gpu', workloadProfileType: 'Consumption-GPU-NC8as-T4' }] : [])
  }
}

resource splitter 'Microsoft.App/containerApps@2026-01-01' = {
  name: '${prefix}-splitter'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: toObject([ids.splitter.id, scaler], id => id, id => {})
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      maxInactiveRevisions: 5
      registries: [{ server: registryServer, identity: ids.splitter.id }]
      identitySettings: [{ identity: scaler, lifecycle: 'None' }]
    }
    template: {
      terminationGracePeriodSeconds: drainSeconds + 30
      containers: [
        {
          name: 'splitter'
          image: images.splitter
          resources: { cpu: 2, memory: '4Gi' }
          probes: probes
          env: concat(settings, [
            { name: 'AZURE_CLIENT_ID', value: ids.splitter.clientId }
            { name: 'IMPASTO_DECODER_MIB', value: '3072' }
          ])
        }
      ]
      scale: {
        minReplicas: 0
        maxReplicas: 4
        pollingInterval: 30
        cooldownPeriod: 300
        rules: [for queue in splitterQueues: {
          name: queue
          custom: {
            type: 'azure-queue'
            identity: scaler
            metadata: { accountName: workName, queueName: queue, queueLength: '2', queueLengthStrategy: 'all' }
          }
        }]
      }
    }
  }
}

resource dispatcher 'Microsoft.App/containerApps@2026-01-01' = {
  name: '${prefix}-dispatcher'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: toObject([ids.dispatcher.id, scaler], id => id, id => {})
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      maxInactiveRevisions: 5
      registries: [{ server: registryServer, identity: ids.dispatcher.id }]
      identitySettings: [{ identity: scaler, lifecycle: 'None' }]
    }
    template: {
      terminationGracePeriodSeconds: drainSeconds + 30
      containers: [
        {
          name: 'dispatcher'
          image: images.dispatcher
          resources: { cpu: json('0.5'), memory: '1Gi' }
          probes: probes
          env: concat(settings, clusterSettings, [
            { name: 'IMPASTO_LOG_METRICS_SECONDS', value: '300' } // alerts read them
            { name: 'AZURE_CLIENT_ID', value: ids.dispatcher.clientId }
            { name: 'IMPASTO_CLUSTER', value: cluster }
          ])
        }
      ]
      scale: {
        minReplicas: 0
        maxReplicas: 1
        pollingInterval: 30
        cooldownPeriod: 300
        rules: [for queue in dispatcherQueues: {
          name: queue
          custom: {
            type: 'azure-queue'
            identity: scaler
            metadata: { accountName: workName, queueName: queue, queueLength: '100', queueLengthStrategy: 'all' }
          }
        }]
      }
    }
  }
}

resource scorer 'Microsoft.App/jobs@2026-01-01' = if (cluster == 'queue') {
  name: '${prefix}-scorer'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: toObject([ids.scorer.id, scaler], id => id, id => {})
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: gpu ? 'gpu' : 'Consumption'
    configuration: {
      triggerType: 'Event'
      replicaTimeout: 86400
      replicaRetryLimit: 1
      registries: [{ server: registryServer, identity: ids.scorer.id }]
      identitySettings: [{ identity: scaler, lifecycle: 'None' }]
      eventTriggerConfig: {
        parallelism: 1
        replicaCompletionCount: 1
        scale: {
          minExecutions: 0
          maxExecutions: nodes
          pollingInterval: 30
          rules: [for queue in scorerQueues: {
            name: queue.name
            type: 'azure-queue'
            identity: scaler
            metadata: { accountName: workName, queueName: queue.name, queueLength: queue.length, queueLengthStrategy: 'all' }
          }]
        }
      }
    }
    template: {
      containers: [
        {
          name: 'scorer'
          image: images.scorer
          resources: gpu ? { cpu: 8, memory: '56Gi' } : { cpu: 2, memory: '4Gi' }
          probes: [probes[0]]
          env: concat(settings, [
            { name: 'AZURE_CLIENT_ID', value: ids.scorer.clientId }
            { name: 'IMPASTO_IDLE_EXIT_SECONDS', value: '60' }
          ])
        }
      ]
    }
  }
}

resource stitcher 'Microsoft.App/jobs@2026-01-01' = {
  name: '${prefix}-stitcher'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: toObject([ids.stitcher.id, scaler], id => id, id => {})
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: 'Event'
      replicaTimeout: 86400
      replicaRetryLimit: 1
      registries: [{ server: registryServer, identity: ids.stitcher.id }]
      identitySettings: [{ identity: scaler, lifecycle: 'None' }]
      eventTriggerConfig: {
        parallelism: 1
        replicaCompletionCount: 1
        scale: {
          minExecutions: 0
          maxExecutions: 4
          pollingInterval: 30
          rules: [
            {
              name: 'scored'
              type: 'azure-queue'
              identity: scaler
              metadata: { accountName: workName, queueName: 'scored', queueLength: '8', queueLengthStrategy: 'all' }
            }
          ]
        }
      }
    }
    template: {
      containers: [
        {
          name: 'stitcher'
          image: images.stitcher
          // With more than one core a replica has 8 GiB of disk: no output may be larger.
          resources: { cpu: 2, memory: '4Gi' }
          probes: [probes[0]]
          volumeMounts: [{ volumeName: 'films', mountPath: '/films' }]
          env: concat(settings, [
            { name: 'AZURE_CLIENT_ID', value: ids.stitcher.clientId }
            { name: 'IMPASTO_STITCHER_IDLE_EXIT_SECONDS', value: '60' }
            { name: 'IMPASTO_MUXER_MIB', value: '3072' }
            { name: 'TMPDIR', value: '/films' }
          ])
        }
      ]
      volumes: [{ name: 'films', storageType: 'EmptyDir' }]
    }
  }
}

// Offers the styles that come with the scorer: started once after each deployment.
resource publish 'Microsoft.App/jobs@2026-01-01' = {
  name: '${prefix}-publish'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: toObject([ids.publish.id], id => id, id => {})
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: 'Manual'
      replicaTimeout: 1800
      replicaRetryLimit: 2
      registries: [{ server: registryServer, identity: ids.publish.id }]
      manualTriggerConfig: { parallelism: 1, replicaCompletionCount: 1 }
    }
    template: {
      containers: [
        {
          name: 'publish'
          image: images.scorer
          command: ['python', '-m', 'services.scorer.publish']
          resources: { cpu: 1, memory: '2Gi' }
          env: concat(settings, [{ name: 'AZURE_CLIENT_ID', value: ids.publish.clientId }])
        }
      ]
    }
  }
}

// Announces again every input that has no outcome, for example after lost events; and the hourly
// rounds of readings, with those that were missed.
var announcers = [
  { name: 'replay', schedule: replaySchedule }
  { name: 'due', schedule: dueSchedule }
]

resource announcing 'Microsoft.App/jobs@2026-01-01' = [for each in announcers: {
  name: '${prefix}-${each.name}'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: toObject([ids[each.name].id], id => id, id => {})
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: empty(each.schedule) ? 'Manual' : 'Schedule'
      replicaTimeout: 3600
      replicaRetryLimit: 1
      registries: [{ server: registryServer, identity: ids[each.name].id }]
      manualTriggerConfig: empty(each.schedule) ? { parallelism: 1, replicaCompletionCount: 1 } : null
      scheduleTriggerConfig: empty(each.schedule) ? null : { cronExpression: each.schedule, parallelism: 1, replicaCompletionCount: 1 }
    }
    template: {
      containers: [
        {
          name: each.name
          image: images.console
          args: [each.name, '--json']
          resources: { cpu: json('0.5'), memory: '1Gi' }
          env: concat(settings, [{ name: 'AZURE_CLIENT_ID', value: ids[each.name].clientId }])
        }
      ]
    }
  }
}]

output environmentId string = environment.id
output environmentName string = environment.name
