// Optional: takes in readings, and writes them to the container `readings` itself, by Capture.
param prefix string
param location string
param tags object
param mediaId string
param mediaName string
@description('How many readers of the hub may work side by side.')
param partitions int = 4
@description('After how many minutes a partition\'s readings are written, full or not.')
@minValue(1)
@maxValue(15)
param captureMinutes int = 5
@description('Whether a Stream Analytics job writes the readings, an hour a folder, instead of Capture.')
param streamAnalytics bool
@description('Whether the namespace is reached through its private endpoint alone.')
param private bool

var contributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor
var receiver = 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde' // Azure Event Hubs Data Receiver

resource namespace 'Microsoft.EventHub/namespaces@2026-01-01' = {
  name: '${prefix}-${uniqueString(resourceGroup().id)}'
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  sku: { name: 'Standard', tier: 'Standard', capacity: 1 }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    isAutoInflateEnabled: true
    maximumThroughputUnits: 4
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
  }
}

resource readings 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' existing = {
  name: '${mediaName}/default/readings'
}

// Capture and Stream Analytics write blocks and then commit them, which needs reading as well.
resource writing 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, 'eventhubs', 'readings')
  scope: readings
  properties: {
    principalId: streamAnalytics ? stream.identity.principalId : namespace.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', contributor)
  }
}

resource hub 'Microsoft.EventHub/namespaces/eventhubs@2026-01-01' = {
  parent: namespace
  name: 'readings'
  properties: {
    partitionCount: partitions
    retentionDescription: { cleanupPolicy: 'Delete', retentionTimeInHours: 24 }
    captureDescription: {
      enabled: !streamAnalytics
      encoding: 'Avro'
      intervalInSeconds: captureMinutes * 60
      sizeLimitInBytes: 314572800
      skipEmptyArchives: true
      destination: {
        name: 'EventHubArchive.AzureBlockBlob'
        identity: { type: 'SystemAssigned' }
        properties: {
          storageAccountResourceId: mediaId
          blobContainer: 'readings'
          archiveNameFormat: '{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}'
        }
      }
    }
  }
}

resource stream 'Microsoft.StreamAnalytics/streamingjobs@2020-03-01' = if (streamAnalytics) {
  name: '${prefix}-readings'
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: {
    sku: { name: 'Standard' }
    compatibilityLevel: '1.2'
    eventsOutOfOrderPolicy: 'Adjust'
    outputErrorPolicy: 'Stop'
    inputs: [
      {
        name: 'hub'
        properties: {
          type: 'Stream'
          serialization: { type: 'Json', properties: { encoding: 'UTF8' } }
          datasource: {
            type: 'Microsoft.EventHub/EventHub'
            properties: {
              authenticationMode: 'Msi'
              serviceBusNamespace: namespace.name
              eventHubName: hub.name
              consumerGroupName: '$Default'
            }
          }
        }
      }
    ]
    transformation: {
      name: 'windows'
      properties: { streamingUnits: 3, query: loadTextContent('../readings.asaql') }
    }
    outputs: [
      {
        name: 'container'
        properties: {
          serialization: { type: 'Parquet' }
          // A file holds at most five minutes or so many rows.
          sizeWindow: 10000
          timeWindow: '00:05:00'
          datasource: {
            type: 'Microsoft.Storage/Blob'
            properties: {
              authenticationMode: 'Msi'
              storageAccounts: [{ accountName: mediaName }]
              container: 'readings'
              pathPattern: '{date}/{time}'
              dateFormat: 'yyyy/MM/dd'
              timeFormat: 'HH'
            }
          }
        }
      }
    ]
  }
}

resource receiving 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (streamAnalytics) {
  name: guid(resourceGroup().id, 'stream', 'readings')
  scope: hub
  properties: {
    principalId: stream.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', receiver)
  }
}

output id string = namespace.id
output server string = '${namespace.name}.servicebus.windows.net'
